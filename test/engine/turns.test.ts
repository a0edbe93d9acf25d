/** Who goes when runs and censuses share a model. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineEvent } from "../../src/engine/protocol.ts";
import { writeRandomGpt2 } from "../support/checkpoint.ts";
import { jobOf, loadForTest, range, result, runJob, type TestModel } from "../support/engine.ts";

const L = 12;
const folder = mkdtempSync(join(tmpdir(), "stratascope-turns-"));
let model: TestModel;

beforeAll(async () => {
  writeRandomGpt2(folder, { nLayers: L, dModel: 16, nHeads: 2, contextLength: 64 });
  model = await loadForTest(folder);
});
afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true });
});

const readout = { positions: [7], layers: "final", topK: 1 } as const;

/** Adds a census of every layer; `ended` gets a letter for each that is done. */
function countLayers(ended: string[]): void {
  for (const layer of range(L))
    model.census.add({ id: `census-${layer}`, model: "test", layer, weights: "raw" }, () => ended.push("c"));
}

function add(priority: "interactive" | "background", ended: string[]): EngineEvent[] {
  const events: EngineEvent[] = [];
  const job = jobOf(model, { tokens: range(8), readout, priority });
  model.wavefront.add(job, (event) => {
    events.push(event);
    if (event.type === "done") ended.push(priority.slice(0, 1));
  });
  return events;
}

test("background runs and censuses take turns, call by call", async () => {
  const ended: string[] = [];
  countLayers(ended);
  const events = add("background", ended);
  const before = model.counters.snapshot().blockCalls;
  for (const call of range(2 * L)) {
    await model.turns.step();
    expect(model.counters.snapshot().blockCalls - before).toBe(Math.floor((call + 1) / 2));
  }
  while (model.turns.hasWork) await model.turns.step();
  expect(ended.join("")).toMatch(/^c+bc+$/);
  expect(result(events).variants[0]?.final).toStrictEqual(
    result(await runJob(model, { tokens: range(8), readout })).variants[0]?.final,
  );
});

test("an interactive run makes every call until it is done", async () => {
  const ended: string[] = [];
  countLayers(ended);
  add("background", ended);
  for (const _ of range(5)) await model.turns.step();
  const before = ended.length;
  add("interactive", ended);
  for (const _ of range(L + 1)) {
    expect(model.turns.isUrgent).toBe(true);
    await model.turns.step();
  }
  expect(ended.slice(before).filter((each) => each !== "b")).toEqual(["i"]);
  expect(model.turns.isUrgent).toBe(false);
  while (model.turns.hasWork) await model.turns.step();
  expect(ended.filter((each) => each === "c")).toHaveLength(L);
});

test("a census alone makes every call", async () => {
  const ended: string[] = [];
  countLayers(ended);
  for (let call = 0; model.turns.hasWork; call++) {
    expect(call).toBeLessThan(3 * L + 3);
    await model.turns.step();
  }
  expect(ended).toHaveLength(L);
  expect(model.census.active).toBe(0);
});
