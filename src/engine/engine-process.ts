/** One engine process: spawned on the runtime that the server runs on, spoken to in frames. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { encodeFrame, FrameReader } from "./frames.ts";
import type { ProcessOptions } from "./options.ts";
import type { EngineReply, EngineRequest } from "./protocol.ts";

/** How long a process gets to end by itself before it is killed. */
const STOP_MS = 2000;

export interface EngineProcessHandlers {
  readonly reply: (reply: EngineReply) => void;
  /** It ended: with a code or by a signal, in words. */
  readonly exit: (how: string) => void;
}

export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #alive = true;

  constructor(options: ProcessOptions, log: (line: string) => void, handlers: EngineProcessHandlers) {
    const [command, ...args] = engineCommand();
    this.#child = spawn(command as string, [...args, JSON.stringify(options)], {
      stdio: ["pipe", "pipe", "pipe"],
      // Loading msgpackr's native part takes longer than it ever saves on our few, large frames.
      // CUDA's matrix products are float32's own, not TF32's ten bits, unless somebody asks for those.
      env: { NVIDIA_TF32_OVERRIDE: "0", ...process.env, MSGPACKR_NATIVE_ACCELERATION_DISABLED: "true" },
    });
    const { stdin, stdout, stderr } = this.#child;
    const reader = new FrameReader();
    stdout?.on("data", (chunk: Uint8Array) => {
      for (const reply of reader.push(chunk)) handlers.reply(reply as EngineReply);
    });
    stderr?.setEncoding("utf8");
    stderr?.on("data", (text: string) => {
      for (const line of text.split("\n")) if (line.trim()) log(line);
    });
    // Writing to a process that is gone: its exit tells.
    stdin?.on("error", () => {});
    this.#exited = new Promise((resolve) => {
      const ended = (how: string) => {
        if (!this.#alive) return;
        this.#alive = false;
        resolve();
        handlers.exit(how);
      };
      this.#child.on("error", (error) => ended(error.message));
      this.#child.on("exit", (code, signal) => ended(signal ? `signal ${signal}` : `exit code ${code}`));
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  send(request: EngineRequest): void {
    if (this.#alive) this.#child.stdin?.write(encodeFrame(request));
  }

  /** Closes its stdin, which ends it; kills it where it does not end. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}

/** The command that runs `process.ts` on this runtime: Bun, Deno, or Node ≥ 22.18, which strips types itself. */
function engineCommand(): string[] {
  const source = fileURLToPath(new URL("./process.ts", import.meta.url));
  // A bundle has the engine beside it, already JavaScript.
  const entry = existsSync(source) ? source : fileURLToPath(new URL("./engine.js", import.meta.url));
  return "deno" in process.versions ? [process.execPath, "run", "--allow-all", entry] : [process.execPath, entry];
}
