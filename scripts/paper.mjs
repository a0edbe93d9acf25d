/**
 * Makes docs/paper anew, on the models named or on those of the report that is there: node scripts/paper.mjs [MODEL …]
 * A model is looked for where the project ships them, in MODELS_DIR, and where scripts/real-model/build.sh puts them. What is
 * computed already, of the same code, stays in DATA_DIR and is not computed again: stopped, it goes on.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const OUT = join("docs", "paper");

const built = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "stratascope", "models");
const folders = [join(PROJECT, "models"), ...(process.env.MODELS_DIR ? [resolve(process.env.MODELS_DIR)] : []), built];

const named = process.argv.slice(2);
const models = named.length > 0 ? named : modelsBefore();
const links = mkdtempSync(join(tmpdir(), "stratascope-models-"));
for (const model of models) {
  const folder = folders.map((each) => join(each, model)).find((each) => existsSync(each));
  if (folder === undefined) fail(`The model ${model} is in none of these folders: ${folders.join(", ")}.`);
  symlinkSync(folder, join(links, model));
}

const bin = join(PROJECT, "bin", "stratascope.mjs");
const child = spawn(process.execPath, [bin, "paper", ...models, "--out", OUT], {
  cwd: PROJECT,
  env: { ...process.env, MODELS_DIR: links },
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => {
  rmSync(links, { recursive: true, force: true });
  process.exit(code ?? 1);
});

function modelsBefore() {
  const report = join(PROJECT, OUT, "report.json");
  if (!existsSync(report)) fail("There is no report in docs/paper yet: name its models.");
  return JSON.parse(readFileSync(report, "utf8")).models.map(({ model }) => model.id);
}

function fail(reason) {
  console.error(reason);
  process.exit(1);
}
