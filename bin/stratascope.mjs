#!/usr/bin/env node
/** Runs under the Node that is there and hands over to the Bun that npm installed. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

function findBun() {
  try {
    const bun = join(dirname(createRequire(import.meta.url).resolve("bun/package.json")), "bin", "bun.exe");
    if (existsSync(bun)) return bun;
  } catch {
    // Not installed beside us: the one on the PATH, if any.
  }
  return "bun";
}

const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
const child = spawn(findBun(), [main, ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`stratascope needs its packages: run \`npm ci\` first. (${error.message})`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
