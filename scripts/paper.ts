/**
 * Makes docs/paper anew, on the models named or on those of the report that is there: npm run paper -- [MODEL …]
 * What is computed already, of the same code, stays in DATA_DIR and is not computed again: stopped, it goes on.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { linkModels, modelFolders } from "./model-links.ts";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const OUT = join("docs", "paper");

const named = process.argv.slice(2);
const models = named.length > 0 ? named : modelsBefore();
const { folder, missing } = linkModels(models);
const forget = () => rmSync(folder, { recursive: true, force: true });
if (missing.length > 0) {
  forget();
  fail(`${missing.join(", ")} is in none of these folders: ${modelFolders().join(", ")}.`);
}

const bin = join(PROJECT, "bin", "stratascope.mjs");
const child = spawn("node", [bin, "paper", ...models, "--out", OUT], {
  cwd: PROJECT,
  env: { ...process.env, MODELS_DIR: folder },
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => {
  forget();
  process.exit(code ?? 1);
});

function modelsBefore(): string[] {
  const report = join(PROJECT, OUT, "report.json");
  if (!existsSync(report)) fail("There is no report in docs/paper yet: name its models.");
  const { models } = JSON.parse(readFileSync(report, "utf8")) as { models: { model: { id: string } }[] };
  return models.map(({ model }) => model.id);
}

function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}
