/**
 * `npm ci`, when what is installed is not what package-lock.json says. Runs before `npm test` and `npm run demo`,
 * under any Node from 20 on, so it uses nothing that must be installed first.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), "utf8")).packages;
  } catch {
    return null;
  }
}

/** npm writes what it installed to node_modules/.package-lock.json. Packages of other platforms are not in it. */
function isInstalled() {
  const wanted = packagesOf("package-lock.json");
  const held = packagesOf("node_modules/.package-lock.json");
  if (!wanted || !held) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    return path === "" || held[path]?.version === version || (optional && !held[path]);
  });
}

/** node_modules/.bin/node is about to be replaced: npm must not run on it. */
function pathWithoutModules(path) {
  const inside = `${sep}node_modules${sep}.bin`;
  return path
    .split(delimiter)
    .filter((folder) => !folder.endsWith(inside))
    .join(delimiter);
}

if (!isInstalled()) {
  console.error("Installing the packages of package-lock.json …");
  const env = { ...process.env, PATH: pathWithoutModules(process.env.PATH ?? ""), ONNXRUNTIME_NODE_INSTALL: "skip" };
  const { status, error } = spawnSync("npm", ["ci", "--loglevel=error"], {
    cwd: root,
    env,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (error) console.error(`npm could not be run: ${error.message}`);
  process.exit(status ?? 1);
}
