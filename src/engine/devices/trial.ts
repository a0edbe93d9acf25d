/** The process in which a device is tried. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** How long a device may take to answer; a driver that compiles shaders on a slow machine takes seconds. */
const PROBE_MS = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `probe.ts` on this runtime, and waits for its end. */
export function runTrial(device: "webgpu" | "cuda"): Promise<Ended> {
  const source = fileURLToPath(new URL("./probe.ts", import.meta.url));
  // A bundle has it beside it, already JavaScript.
  const entry = existsSync(source) ? source : fileURLToPath(new URL("./probe.js", import.meta.url));
  const run = "deno" in process.versions ? ["run", "--allow-all", entry] : [entry];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...run, device], {
      stdio: ["ignore", "pipe", "pipe"],
      // The loader names the devices that it finds; onnxruntime does not tell which it took.
      env: { ...process.env, VK_LOADER_DEBUG: "info,driver" },
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), PROBE_MS);
    const text = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8");
      child[name].on("data", (part: string) => {
        text[name] += part;
      });
    }
    child.on("error", (error) => resolve({ code: null, stdout: "", stderr: error.message }));
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, ...text });
    });
  });
}
