/** The service as a client meets it: real processes, real HTTP. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MODEL, MODELS_DIR } from "./checkpoint.ts";
import { median, print } from "./report.ts";
import type { Parts } from "./sweeps.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const BUN = process.execPath;

/** A service of its own, in processes of its own. */
export interface Server {
  readonly url: string;
  readonly child: ChildProcess;
  readonly started: number;
  stop(): Promise<void>;
}

export async function startServer(modelsDir: string, environment: Record<string, string> = {}): Promise<Server> {
  const port = 20000 + Math.floor(Math.random() * 20000);
  const data = mkdtempSync(join(tmpdir(), "stratascope-bench-"));
  const started = performance.now();
  const child = spawn(BUN, ["src/main.ts"], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, PORT: String(port), MODELS_DIR: modelsDir, DATA_DIR: data, LOG_LEVEL: "error", ...environment },
  });
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    const answered = await fetch(`${url}/healthz`).then(
      (response) => response.ok,
      () => false,
    );
    if (answered) break;
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return {
    url,
    child,
    started,
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      rmSync(data, { recursive: true, force: true });
    },
  };
}

export interface RunTimes {
  readonly firstLayerMs: number;
  readonly totalMs: number;
}

/** Posts a run and reads its NDJSON; `firstLayer`: the first event after a block (step 1). */
export async function postRun(url: string, body: unknown): Promise<RunTimes> {
  const start = performance.now();
  const response = await fetch(`${url}/v1/runs`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/x-ndjson" },
    body: JSON.stringify(body),
  });
  if (!response.ok || !response.body) throw new Error(`${response.status} ${await response.text()}`);
  let firstLayerMs = Number.NaN;
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    if (Number.isNaN(firstLayerMs) && text.includes('"step":1,')) firstLayerMs = performance.now() - start;
  }
  if (!text.includes('"type":"done"')) throw new Error(`the run did not end well: ${text.slice(-400)}`);
  return { firstLayerMs, totalMs: performance.now() - start };
}

const random = (length: number, seed: number) => Array.from({ length }, (_, i) => (i * 7919 + seed * 104729 + 13) % 4000);
const deletion = (tokens: readonly number[]) => ({ model: MODEL, tokens, interventions: [{ op: "delete", layers: [5] }] });

export async function benchStart(): Promise<void> {
  const empty: number[] = [];
  const health: number[] = [];
  const first: number[] = [];
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    execFileSync(BUN, ["-e", "0"]);
    empty.push(performance.now() - start);
    const server = await startServer(join(ROOT, "models"));
    health.push(performance.now() - server.started);
    const { firstLayerMs } = await postRun(server.url, { model: "prose-6m", prompt: "She opened the door and looked into the" });
    // The POST was sent when the server answered; nobody waits for it in between.
    first.push((health.at(-1) as number) + firstLayerMs);
    await server.stop();
  }
  const detail = (values: readonly number[]) => `${median(values).toFixed(0)} ms; \`bun -e 0\` ${median(empty).toFixed(1)} ms`;
  print({
    name: "process start → `/healthz`, over `bun -e 0`",
    value: median(health) / median(empty),
    bar: 20,
    unit: "×",
    detail: detail(health),
  });
  print({
    name: "process start → first `layer`, prose-6m, cold, over `bun -e 0`",
    value: median(first) / median(empty),
    bar: 60,
    unit: "×",
    detail: detail(first),
  });
}

export async function benchService(parts: Parts): Promise<void> {
  for (const [weights, bar] of [
    ["mapped", 0.15],
    ["packed", 1.2],
  ] as const) {
    const server = await startServer(MODELS_DIR, { WEIGHTS: weights, PROMPT_MEMORY_BYTES: "0" });
    // The engine process and the runtime's libraries are there; what is timed is the model.
    await fetch(`${server.url}/v1/models/${MODEL}/load`, { method: "POST" });
    const seconds: number[] = [];
    for (let i = 0; i < 3; i++) {
      await fetch(`${server.url}/v1/models/${MODEL}/unload`, { method: "POST" });
      const start = performance.now();
      const answer = await fetch(`${server.url}/v1/models/${MODEL}/load`, { method: "POST" });
      if (!answer.ok) throw new Error(await answer.text());
      seconds.push((performance.now() - start) / 1000);
    }
    print({
      name: `model ready, ${weights}`,
      value: median(seconds),
      bar,
      unit: "s",
      detail: "GPT-2 small's shape, float32, over HTTP",
    });
    if (weights === "packed") await benchWarm(server, parts);
    await server.stop();
  }
}

async function benchWarm(server: Server, { blockMs, readoutMs }: Parts): Promise<void> {
  const { url } = server;
  for (let i = 0; i < 4; i++) await postRun(url, deletion(random(8, i)));
  const layer: number[] = [];
  for (let i = 0; i < 15; i++) layer.push((await postRun(url, { model: MODEL, tokens: random(8, i) })).firstLayerMs);
  print({
    name: "first block's `layer` event after a POST, warm, T = 8",
    value: median(layer),
    bar: Math.round((blockMs + 2 * readoutMs + 10) * 10) / 10,
    unit: "ms",
    detail: `a block ${blockMs.toFixed(1)} ms, two read-outs of ${readoutMs.toFixed(1)} ms, and 10 ms`,
  });

  const alone: number[] = [];
  const together: number[] = [];
  for (let repeat = 0; repeat < 3; repeat++) {
    let start = performance.now();
    for (let i = 0; i < 32; i++) await postRun(url, deletion(random(8, i)));
    alone.push(performance.now() - start);
    start = performance.now();
    await Promise.all(Array.from({ length: 32 }, (_, i) => postRun(url, deletion(random(8, i)))));
    together.push(performance.now() - start);
  }
  const ratio = median(alone) / median(together);
  const detail = `${median(alone).toFixed(0)} ms one after another, ${median(together).toFixed(0)} ms together`;
  print({ name: "32 runs posted together, against one after another", value: ratio, bar: 3, atLeast: true, unit: "×", detail });

  const weights = 4 * (50257 * 768 + 1024 * 768 + 12 * (12 * 768 ** 2 + 13 * 768) + 2 * 768);
  const used = treeMemory(server.child.pid as number);
  const mb = (bytes: number) => bytes / 1e6;
  print({
    name: "memory of server and engine beyond the weights, packed",
    value: mb(used.total - weights),
    bar: 450,
    unit: "MB",
    detail: `weights ${mb(weights).toFixed(0)} MB; of the rest ${mb(used.checkpoint).toFixed(0)} MB are the mapped file's own pages, which the system takes back when it needs them`,
  });
}

interface Memory {
  readonly total: number;
  /** Pages of mapped safetensors files. */
  readonly checkpoint: number;
}

/** Proportional set size of a process and its children, in bytes (Linux). */
function treeMemory(pid: number): Memory {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  let total = 0;
  let checkpoint = 0;
  let mapped = false;
  for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) mapped = line.endsWith(".safetensors");
    const bytes = Number(/^Pss:\s+(\d+) kB/.exec(line)?.[1] ?? 0) * 1024;
    total += bytes;
    if (mapped) checkpoint += bytes;
  }
  for (const child of children.map(treeMemory)) {
    total += child.total;
    checkpoint += child.checkpoint;
  }
  return { total, checkpoint };
}
