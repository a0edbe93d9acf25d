/** The service as it is deployed: a process of its own on a free port. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json } from "./app.ts";

export type Runtime = "bun" | "node" | "deno";

export interface Server {
  readonly url: string;
  readonly child: ChildProcess;
  readonly dataDir: string;
  /** What it wrote so far. */
  output(): string;
  post(body: object, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
  json(path: string): Promise<Json>;
  /** Sends a signal and waits for the end: the exit code, or the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | string | null>;
}

const COMMANDS: Readonly<Record<Runtime, readonly string[]>> = { bun: ["bun"], node: ["node"], deno: ["deno", "run", "-A"] };

export async function startServer(environment: Record<string, string> = {}, runtime: Runtime = "bun"): Promise<Server> {
  const dataDir = environment.DATA_DIR ?? mkdtempSync(join(tmpdir(), "stratascope-"));
  const [command = "", ...args] = COMMANDS[runtime];
  const env = {
    ...process.env,
    PORT: "0",
    MODELS_DIR: "models",
    HF_HUB_CACHE: join(dataDir, "hub"),
    ...environment,
    DATA_DIR: dataDir,
  };
  const child = spawn(`node_modules/.bin/${command}`, [...args, "src/main.ts"], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const port = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk;
      const match = /listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(output);
      if (match) resolve(match[1] as string);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${output}`)));
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    ...{ url, child, dataDir, output: () => output },
    post: (body, headers, signal) =>
      fetch(`${url}/v1/runs`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
        signal: signal ?? null,
      }),
    json: async (path) => (await fetch(`${url}${path}`)).json(),
    end: (signal) =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode ?? child.signalCode);
        child.once("exit", (code, by) => resolve(code ?? by));
        child.kill(signal);
      }),
  };
}
