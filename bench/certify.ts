/** `stratascope certify` on the shipped model with its reference, as people run it: from the process's start to its end. */
import { spawnSync } from "node:child_process";
import { median, print } from "./report.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const REPEATS = 3;

export async function benchCertify(): Promise<void> {
  const seconds: number[] = [];
  let checks = 0;
  for (let i = 0; i < REPEATS; i++) {
    const started = performance.now();
    const args = ["src/cli/main.ts", "certify", "prose-6m", "--reference", "models/prose-6m/reference.safetensors", "--json"];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, MODELS_DIR: "models", DEVICE: "cpu" },
    });
    if (status !== 0) throw new Error(`certify ended with ${status}: ${stderr || stdout}`);
    seconds.push((performance.now() - started) / 1000);
    checks = JSON.parse(stdout).checks.length;
  }
  print({
    name: "`certify prose-6m` with its reference",
    value: median(seconds),
    bar: 30,
    unit: "s",
    detail: `${checks} checks, four engines one after the other`,
  });
}
