/** Experiments as a service runs them: real processes, a real database, many texts. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEngine } from "../src/engine/client.ts";
import { Computer } from "../src/experiments/computer.ts";
import { unpack } from "../src/experiments/pack.ts";
import { planExperiment } from "../src/experiments/planning.ts";
import type { StoredInput } from "../src/experiments/tally.ts";
import { Means } from "../src/runs/means.ts";
import { modelsIn } from "../src/runs/served-models.ts";
import { ExperimentRequest, type ExperimentRequestInput } from "../src/schemas/experiments/request.ts";
import { hasPostgres, startPostgres } from "../test/support/postgres.ts";
import { MODEL, MODELS_DIR } from "./checkpoint.ts";
import { interventions, stepsOf } from "./experiments.ts";
import { openBench } from "./harness.ts";
import { median, print } from "./report.ts";
import { postRun, type Server, startServer } from "./service.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const PROSE = join(ROOT, "models");
/** As many texts as the largest experiment here has, of 36 words each. */
const MANY = 10_000;
const TOKENS = 16;
/** Chunks at a time: the service's default. */
const SLOTS = 2;
/** Of 64 tokens. */
const TEXTS_PER_CHUNK = 16;
const ARRIVALS = 15;
const STARTS = 7;

type Place = Pick<Server, "url">;

export async function benchExperimentsService(folder: string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "stratascope-bench-"));
  writeTexts(join(scratch, "many.jsonl"));
  try {
    await benchMemory(scratch);
    await benchOverhead(scratch);
    await benchReplicas(scratch);
    await benchStarts(scratch);
    await benchInteractive(folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Stretches of the shipped prose, each beginning at another word. */
function writeTexts(path: string): void {
  const lines = readFileSync(join(ROOT, "datasets/prose-heldout.jsonl"), "utf8").trimEnd().split("\n");
  const words = lines.flatMap((line) => (JSON.parse(line) as { text: string }).text.split(/\s+/));
  const text = (i: number) =>
    words
      .slice((i * 37) % (words.length - 40))
      .slice(0, 36)
      .join(" ");
  writeFileSync(path, Array.from({ length: MANY }, (_, i) => JSON.stringify({ text: text(i) })).join("\n"));
}

const norms = (texts: number) =>
  ({ kind: "component-norms", model: "prose-6m", data: { dataset: "many" }, texts, tokens_per_text: TOKENS }) as const;

async function startExperiment({ url }: Place, body: ExperimentRequestInput): Promise<string> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v1/experiments`, { method: "POST", headers, body: JSON.stringify(body) });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}

/** Waits for its end: milliseconds from its first chunk to its last. */
async function finished({ url }: Place, id: string): Promise<number> {
  const response = await fetch(`${url}/v1/experiments/${id}/events`);
  if (!(await response.text()).includes('"type":"done"')) throw new Error("the experiment did not end well");
  const experiment = (await (await fetch(`${url}/v1/experiments/${id}`)).json()) as Record<"started_at" | "finished_at", string>;
  return Date.parse(experiment.finished_at) - Date.parse(experiment.started_at);
}

const run = async (on: Place, body: ExperimentRequestInput) => finished(on, await startExperiment(on, body));

/** A process and its children. */
function tree(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  return [pid, ...children.flatMap(tree)];
}

/** The most resident memory that server and engine have had, in bytes (Linux). */
function peaks({ child }: Server): number[] {
  return tree(child.pid as number).map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  });
}

/** As many texts in new processes each time, so that all that grows with work done is the same, and only the experiments' size differs. */
async function benchMemory(datasets: string): Promise<void> {
  const measured = async (texts: number) => {
    const server = await startServer(PROSE, { DATASETS_DIR: datasets });
    const after: number[][] = [];
    for (let computed = 0; computed < MANY; computed += texts) {
      await run(server, norms(texts));
      after.push(peaks(server));
    }
    await server.stop();
    return { first: after[0] as number[], last: after.at(-1) as number[] };
  };
  const few = await measured(100);
  const many = await measured(MANY);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const mb = (values: readonly number[]) => `${values.map((bytes) => (bytes / 1e6).toFixed(0)).join(" + ")} MB`;
  print({
    name: `memory of an experiment over ${MANY} texts, against one over 100, in new processes`,
    ...{ value: sum(many.last) / sum(few.first), bar: 1.1, unit: "×" },
    detail: `the most that server and engine had: ${mb(many.last)}, ${mb(few.first)}; ${TOKENS} tokens a text, embedded database`,
  });
  print({
    name: `the same against ${MANY / 100} over 100, one after the other: as much work, and only the size differs`,
    ...{ value: sum(many.last) / sum(few.last), bar: null, unit: "×" },
    detail: `${mb(many.last)}, ${mb(few.last)}`,
  });
}

/** The same chunks, as many at a time, without a service: no queue, no database, no events. */
async function computeAlone(body: ExperimentRequestInput, folder: string): Promise<number> {
  const engine = createEngine({
    ...{ modelsDir: PROSE, hubCache: null, device: "cpu", threads: null, weights: "packed", halfPrecision: "auto" },
    ...{ memoryBytes: 4 * 2 ** 30, promptMemoryBytes: 0, idleSeconds: null, log: () => {} },
  });
  const models = modelsIn(PROSE);
  const means = new Means({ engine, folder, failed: () => {} });
  const computer = new Computer({ engine, models, means, memoryBytes: 2 ** 30 });
  const { signal } = new AbortController();
  const datasets = { get: async () => Promise.reject(new Error("none is asked for")) };
  const { study, inputs } = await planExperiment(ExperimentRequest.parse(body), { models, datasets, maxRunMemoryBytes: 2 ** 30 });
  const compute = async (of: IterableIterator<Uint8Array>) => {
    for (const input of of) await computer.compute(study, unpack<StoredInput>(input).input, signal);
  };
  await compute([inputs[0] as Uint8Array].values());
  const start = performance.now();
  const chunks = inputs.values();
  await Promise.all(Array.from({ length: SLOTS }, () => compute(chunks)));
  const ms = performance.now() - start;
  await engine.stop();
  return ms;
}

/** What queue, database, events and sums cost. Small chunks: 32 texts of eight tokens. */
async function benchOverhead(scratch: string): Promise<void> {
  const tokens = Array.from({ length: 64 * 32 }, (_, text) => Array.from({ length: 8 }, (_, i) => (i * 37 + text * 613) % 4000));
  const body = { kind: "component-norms", model: "prose-6m", data: { tokens }, prepend_bos: false } as const;
  const server = await startServer(PROSE, { PROMPT_MEMORY_BYTES: "0" });
  await run(server, { ...body, texts: 64 });
  const served: number[] = [];
  const alone: number[] = [];
  for (let i = 0; i < 3; i++) {
    served.push(await run(server, body));
    alone.push(await computeAlone(body, scratch));
  }
  await server.stop();
  print({
    name: "an experiment of 64 small chunks, against the same chunks without queue, database and events",
    ...{ value: median(served) / median(alone), bar: null, unit: "×" },
    detail: `${(median(served) / 64).toFixed(0)} ms a chunk, ${(median(alone) / 64).toFixed(0)} ms; the embedded database`,
  });
}

async function benchReplicas(datasets: string): Promise<void> {
  if (!hasPostgres)
    return console.log("\nReplicas were left out: there is no PostgreSQL server (Debian: apt-get install postgresql).");
  const postgres = await startPostgres();
  const start = (DATABASE_URL: string) => startServer(PROSE, { DATABASE_URL, DATASETS_DIR: datasets, THREADS: "1" });
  const body = { ...norms(2000), kind: "logit-lens" } as const;
  const seconds: number[] = [];
  for (const count of [1, 2]) {
    const url = await postgres.create(`replicas_${count}`);
    const replicas = await Promise.all(Array.from({ length: count }, () => start(url)));
    const [first] = replicas as [Server];
    // Each has its model and has computed.
    await Promise.all(replicas.map(({ url }) => postRun(url, { model: "prose-6m", tokens: [1, 2, 3] })));
    await run(first, { ...body, texts: 200 });
    seconds.push((await run(first, body)) / 1000);
    for (const each of replicas) await each.stop();
  }
  await postgres.remove();
  const [one = 0, two = 0] = seconds;
  print({
    name: "two replicas on one PostgreSQL, against one, one thread each",
    ...{ value: one / two, bar: null, unit: "×" },
    detail: `${one.toFixed(1)} s alone, ${two.toFixed(1)} s together: logit-lens of 2000 texts × ${TOKENS} tokens`,
  });
}

/** A start with an experiment in the embedded database, which nobody asks for, against one with nothing. */
async function benchStarts(datasets: string): Promise<void> {
  const DATA_DIR = join(datasets, "data");
  const before = await startServer(PROSE, { DATA_DIR, DATASETS_DIR: datasets });
  await run(before, norms(100));
  await before.stop();
  const health: Record<"none" | "some", number[]> = { none: [], some: [] };
  const first: Record<"none" | "some", number[]> = { none: [], some: [] };
  const memory: Record<"none" | "some", number[]> = { none: [], some: [] };
  for (let i = 0; i < STARTS; i++) {
    for (const [which, environment] of [
      ["none", {}],
      ["some", { DATA_DIR }],
    ] as const) {
      const server = await startServer(PROSE, environment);
      health[which].push(performance.now() - server.started);
      const { firstLayerMs } = await postRun(server.url, { model: "prose-6m", prompt: "She opened the door" });
      first[which].push((health[which].at(-1) as number) + firstLayerMs);
      // Past the moment at which what was left would be taken up.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      memory[which].push((peaks(server)[0] as number) / 1e6);
      await server.stop();
    }
  }
  const compare = (name: string, { none, some }: Record<"none" | "some", number[]>, unit: string) =>
    print({
      name: `${name}, with a finished experiment in the data folder, against an empty one`,
      ...{ value: median(some) / median(none), bar: null, unit: "×" },
      detail: `${median(some).toFixed(0)} ${unit}, ${median(none).toFixed(0)} ${unit}`,
    });
  compare("process start → `/healthz`", health, "ms");
  compare("process start → first `layer`", first, "ms");
  compare("memory of the server two seconds later", memory, "MB");
}

/** Interactive runs over HTTP while `layer-interventions` fills the engine, over the longest call of the same work. */
async function benchInteractive(folder: string): Promise<void> {
  const bench = await openBench(folder);
  const inFlight = SLOTS * TEXTS_PER_CHUNK;
  const step = stepsOf(
    bench,
    Array.from({ length: 2 * inFlight }, () => interventions(bench, 64)),
    inFlight,
  );
  const began = performance.now();
  let longestMs = 0;
  for (let start = began; start < began + 15_000; start = performance.now()) {
    await step();
    // The first ones bring the weights into memory.
    if (start > began + 3000) longestMs = Math.max(longestMs, performance.now() - start);
  }
  await bench.close();
  const server = await startServer(MODELS_DIR, { PROMPT_MEMORY_BYTES: "0" });
  const tokens = Array.from({ length: 256 }, (_, text) => Array.from({ length: 64 }, (_, i) => (i * 37 + text * 613) % 4000));
  await postRun(server.url, { model: MODEL, tokens: [1, 2, 3] });
  await startExperiment(server, { kind: "layer-interventions", model: MODEL, data: { tokens }, prepend_bos: false });
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const waits: number[] = [];
  for (let i = 0; i < ARRIVALS; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 400));
    waits.push((await postRun(server.url, { model: MODEL, tokens: [i, 2, 3, 4, 5, 6, 7, 8] })).firstLayerMs);
  }
  await server.stop();
  const worst = Math.max(...waits);
  print({
    name: "an interactive run's first layer over HTTP while an experiment fills the engine, the worst, over the longest call",
    ...{ value: worst / longestMs, bar: 2, unit: "×" },
    detail: `longest call ${longestMs.toFixed(0)} ms; ${ARRIVALS} runs at T = 8 waited ${median(waits).toFixed(0)} ms in the median, ${worst.toFixed(0)} ms at worst`,
  });
}
