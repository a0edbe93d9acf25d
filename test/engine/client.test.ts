/** The engine as a process of its own: started with the first need, killed, cancelled, idle. */
import { cpSync, mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { openCheckpoint } from "../../src/engine/checkpoint/open.ts";
import { createEngine, type EngineOptions } from "../../src/engine/client.ts";
import { processOptions } from "../../src/engine/options.ts";
import type { CensusJob, CensusRows, Engine, EngineEvent, RunJob } from "../../src/engine/protocol.ts";
import { baselineSchedule } from "../../src/engine/schedule.ts";
import { writeRandomGpt2 } from "../support/checkpoint.ts";

let modelsDir: string;
let engine: Engine;

beforeAll(() => {
  modelsDir = mkdtempSync(join(tmpdir(), "stratascope-engine-"));
  for (const id of ["one", "two"]) writeRandomGpt2(join(modelsDir, id), { nLayers: 3, dModel: 32, nHeads: 2, seed: id.length });
  writeRandomGpt2(join(modelsDir, "deep"), { nLayers: 40, dModel: 256, nHeads: 4, contextLength: 256 });
  cpSync(join(modelsDir, "one"), join(modelsDir, "broken"), { recursive: true });
  truncateSync(join(modelsDir, "broken", "model.safetensors"), 5000);
});
afterAll(() => rmSync(modelsDir, { recursive: true }));
afterEach(() => engine.stop());

function start(options: Partial<EngineOptions> = {}): Engine {
  engine = createEngine({
    ...processOptions(readConfig({ MODELS_DIR: modelsDir, PROMPT_MEMORY_BYTES: "0" }), "cpu"),
    idleSeconds: null,
    log: () => {},
    ...options,
  });
  return engine;
}

let next = 0;
function job(model = "one", nLayers = 3, length = 8): RunJob {
  const tokens = Array.from({ length }, (_, i) => (i * 7) % 300);
  const readout = { positions: [length - 1], layers: "all", topK: 3, lens: "standard", targets: [] } as const;
  return {
    id: `run-${next++}`,
    model,
    tokens,
    schedules: [baselineSchedule(nLayers)],
    baseline: null,
    readout,
    capture: ["norms"],
    priority: "interactive",
  };
}

function census(model: string, layer = 0): CensusJob {
  return { id: `census-${next++}`, model, layer, weights: "folded", tokenSets: [[1, 2]] };
}

const never = () => new AbortController().signal;

async function collect(
  one: RunJob,
  signal = new AbortController().signal,
  onEvent: (event: EngineEvent, count: number) => void = () => {},
) {
  const events: EngineEvent[] = [];
  for await (const event of engine.run(one, signal)) {
    events.push(event);
    onEvent(event, events.length);
  }
  return events;
}

test("nothing is started before the first run, which loads the model and streams every layer", async () => {
  start();
  expect(engine.status()).toMatchObject({ state: "stopped", pid: null, restarts: 0 });
  const events = await collect(job());
  expect(events.map(({ type }) => type)).toEqual(["layer", "layer", "layer", "layer", "result", "done"]);
  expect(engine.status()).toMatchObject({ state: "running", device: "cpu", models: [{ id: "one", state: "ready" }] });
});

test("many runs at once load the model once and share calls", async () => {
  start();
  const runs = await Promise.all(Array.from({ length: 16 }, () => collect(job())));
  expect(runs.every((events) => events.at(-1)?.type === "done")).toBe(true);
  await engine.load("one");
  const stats = engine.status().stats;
  expect(stats?.blockRows).toBe(48);
  expect(stats?.blockCalls).toBeLessThan(48);
});

test("killed in the middle of runs, each ends with exactly one error that says so, and the next run works", async () => {
  start();
  await engine.load("deep");
  const { pid } = engine.status();
  const kill = () => engine.status().pid === pid && process.kill(pid as number, "SIGKILL");
  const ends = await Promise.all(
    [0, 1, 2].map(() => collect(job("deep", 40, 200), undefined, (_, count) => count === 3 && kill())),
  );
  for (const events of ends) {
    expect(events.filter(({ type }) => type === "error" || type === "done")).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({
      type: "error",
      problem: { code: "engine_failed", detail: expect.stringContaining("signal SIGKILL") },
    });
  }
  expect(engine.status()).toMatchObject({ state: "backoff", restarts: 1 });
  expect((await collect(job())).at(-1)?.type).toBe("done");
});

test("a run that is cancelled ends at once, and the engine goes on with the others", async () => {
  start();
  await engine.load("deep");
  const controller = new AbortController();
  const [cancelled, other] = await Promise.all([
    collect(job("deep", 40, 100), controller.signal, (_, count) => count === 2 && controller.abort()),
    collect(job("deep", 40, 8)),
  ]);
  expect(cancelled.at(-1)).toMatchObject({ type: "error", problem: { code: "cancelled" } });
  expect(cancelled.length).toBeLessThan(41);
  expect(other.at(-1)?.type).toBe("done");
  const aborted = new AbortController();
  aborted.abort();
  expect(await collect(job(), aborted.signal)).toMatchObject([{ type: "error", problem: { code: "cancelled" } }]);
});

test("a checkpoint that cannot be loaded fails its runs with the reason; the others are served", async () => {
  start();
  const [bad, good] = await Promise.all([collect(job("broken")), collect(job("two"))]);
  expect(bad).toMatchObject([
    { type: "error", problem: { code: "model_invalid", detail: expect.stringContaining("the file has") } },
  ]);
  expect(good.at(-1)?.type).toBe("done");
  expect(engine.status().models.find(({ id }) => id === "broken")).toMatchObject({
    state: "failed",
    problem: { code: "model_invalid" },
  });
  await expect(engine.load("nowhere")).rejects.toMatchObject({ code: "model_not_found" });
});

test("files that changed under a loaded model are loaded anew by the first run that was prepared for them", async () => {
  start();
  const folder = join(modelsDir, "changing");
  const write = (seed: number) => writeRandomGpt2(folder, { nLayers: 3, dModel: 32, nHeads: 2, seed });
  const final = async (revision: string) => {
    const events = await collect({ ...job("changing"), revision });
    return events.flatMap((event) => (event.type === "result" ? [event.variants[0]?.final] : []));
  };
  write(1);
  const first = openCheckpoint(folder).revision;
  const before = await final(first);
  rmSync(folder, { recursive: true });
  write(2);
  const second = openCheckpoint(folder).revision;
  const after = await final(second);
  expect(after).toHaveLength(1);
  expect(after).not.toEqual(before);
  expect(await collect({ ...job("changing"), revision: first })).toMatchObject([
    { type: "error", problem: { code: "model_busy" } },
  ]);
  expect(await final(second)).toEqual(after);
  rmSync(folder, { recursive: true });
});

test("under a budget for one model, the idle one makes room; a model beyond the budget is refused with both numbers", async () => {
  start();
  const { memoryBytes } = await engine.load("one");
  await engine.stop();
  start({ memoryBytes: memoryBytes + 1 });
  await engine.load("one");
  expect((await collect(job("two"))).at(-1)?.type).toBe("done");
  expect(engine.status().models).toMatchObject([{ id: "two", state: "ready" }]);
  await expect(engine.load("deep")).rejects.toThrow(
    /needs \d+ bytes of memory \(\d+ for its weights, \d+ for a call.s buffers\); MODEL_MEMORY_BYTES allows \d+/,
  );
});

test("unloading: refused while runs use the model, then done", async () => {
  start();
  await engine.load("deep");
  let refused: unknown;
  await collect(job("deep", 40, 200), undefined, (_, count) => {
    if (count === 2) refused = engine.unload("deep").catch((error: unknown) => error);
  });
  expect(await refused).toMatchObject({ code: "model_busy" });
  expect(await engine.unload("deep")).toMatchObject({ state: "available" });
});

test("idle for long enough, the process ends; the next run starts it again, which is no restart", async () => {
  start({ idleSeconds: 0.05 });
  await collect(job());
  await expect.poll(() => engine.status().state, { timeout: 5000 }).toBe("stopped");
  expect((await collect(job())).at(-1)?.type).toBe("done");
  expect(engine.status().restarts).toBe(0);
});

test("a census starts the process and loads the model; what it has not is refused, and runs go on", async () => {
  start();
  const [rows, events] = await Promise.all([engine.census(census("one", 2), never()), collect(job())]);
  expect([rows.kurtosis, rows.skew, rows.variance, ...rows.setEffects].map((values) => values.length)).toEqual([
    128, 128, 128, 128,
  ]);
  expect(rows.kurtosis.every((value) => value > 1)).toBe(true);
  expect(events.at(-1)?.type).toBe("done");
  await expect(engine.census(census("one", 3), never())).rejects.toMatchObject({ code: "invalid_request" });
  await expect(engine.census(census("nowhere"), never())).rejects.toMatchObject({ code: "model_not_found" });
  await expect(engine.census({ ...census("one"), revision: "gone" }, never())).rejects.toMatchObject({ code: "model_busy" });
});

/** So many that the first is done long before the last. */
function countOften(signal: AbortSignal): Promise<CensusRows>[] {
  return Array.from({ length: 400 }, (_, i) => engine.census(census("deep", i % 40), signal));
}

/** Those that failed, when all have ended. */
async function failed(censuses: readonly Promise<CensusRows>[]): Promise<PromiseRejectedResult[]> {
  const failures = (await Promise.allSettled(censuses)).filter((end) => end.status === "rejected");
  expect(failures.length).toBeGreaterThan(0);
  return failures;
}

test("a census that is cancelled ends at once, and gives the model back", async () => {
  start();
  const controller = new AbortController();
  const many = countOften(controller.signal);
  const cancelled = failed(many);
  await many[0];
  controller.abort();
  for (const end of await cancelled) expect(end.reason).toMatchObject({ code: "cancelled" });
  const unloaded = () =>
    engine.unload("deep").then(
      ({ state }) => state,
      () => "busy",
    );
  await expect.poll(unloaded, { timeout: 20_000 }).toBe("available");
  await expect(engine.census(census("one"), controller.signal)).rejects.toMatchObject({ code: "cancelled" });
});

test("killed in the middle of a census, it fails and says so; the next one counts the same", async () => {
  start();
  const expected = await engine.census(census("deep", 39), never());
  const many = countOften(never());
  const ended = failed(many);
  await many[0];
  process.kill(engine.status().pid as number, "SIGKILL");
  for (const end of await ended)
    expect(end.reason).toMatchObject({ code: "engine_failed", message: expect.stringContaining("signal SIGKILL") });
  expect(await engine.census(census("deep", 39), never())).toEqual(expected);
});

test("a model is not unloaded while its neurons are counted", async () => {
  start();
  await engine.load("deep");
  const controller = new AbortController();
  const many = countOften(controller.signal);
  const cancelled = failed(many);
  await many[0];
  await expect(engine.unload("deep")).rejects.toMatchObject({ code: "model_busy" });
  controller.abort();
  await cancelled;
});
