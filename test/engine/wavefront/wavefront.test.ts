/** Who runs when: shared prefixes, the lowest block first, late joiners, interactive before background. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineEvent } from "../../../src/engine/protocol.ts";
import { Problem } from "../../../src/problem.ts";
import { writeRandomGpt2 } from "../../support/checkpoint.ts";
import { jobOf, layers, loadForTest, range, result, runJob, scheduleOf, type TestModel } from "../../support/engine.ts";

const L = 12;
const folder = mkdtempSync(join(tmpdir(), "stratascope-wavefront-"));
let model: TestModel;

beforeAll(async () => {
  writeRandomGpt2(folder, { nLayers: L, dModel: 16, nHeads: 2, contextLength: 512 });
  model = await loadForTest(folder);
});
afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true });
});

const tokens = range(8);
const sweep = () => [
  scheduleOf("baseline", range(L)),
  ...range(L).map((i) =>
    scheduleOf(
      `delete.${i}`,
      range(L).filter((block) => block !== i),
    ),
  ),
  ...range(L - 1).map((i) => scheduleOf(`swap.${i}`, [...range(i), i + 1, i, ...range(L).slice(i + 2)])),
];
const counted = async (act: () => Promise<unknown>) => {
  const before = model.counters.snapshot();
  await act();
  const after = model.counters.snapshot();
  return {
    calls: after.blockCalls - before.blockCalls,
    rows: after.blockRows - before.blockRows,
    tokens: after.blockTokens - before.blockTokens,
  };
};

test("a delete-and-swap sweep of twelve blocks takes 23 calls and 144 row-blocks, with dead positions left out", async () => {
  const cost = await counted(() =>
    runJob(model, { tokens, schedules: sweep(), baseline: 0, readout: { positions: [7], layers: "final", topK: 1 } }),
  );
  // 22 rows end where only the last position is read; delete.11 ends on the baseline's way, delete.10 on swap.10's.
  expect(cost).toEqual({ calls: 23, rows: 144, tokens: 144 * 8 - 22 * 7 });
});

test("a swept variant has the same bits as the variant alone", async () => {
  const swept = await runJob(model, { tokens, schedules: sweep(), readout: { layers: "final" } });
  for (const [index, schedule] of sweep().entries()) {
    const alone = await runJob(model, { tokens, schedules: [schedule], readout: { layers: "final" } });
    expect(result(swept).variants[index]?.final).toStrictEqual(result(alone).variants[0]?.final);
  }
});

test("variants that share a prefix share its events; each alone would read all of its own", async () => {
  const events = await runJob(model, {
    tokens,
    schedules: [
      scheduleOf("baseline", range(L)),
      scheduleOf(
        "delete.5",
        range(L).filter((b) => b !== 5),
      ),
    ],
  });
  expect(layers(events, 0).map(({ step }) => step)).toEqual(range(L + 1));
  expect(layers(events, 1).map(({ step }) => step)).toEqual(range(L));
  expect(events.filter(({ type }) => type === "layer")).toHaveLength(L + 1 + (L - 1 - 5));
});

test("with final read-outs, only steps where a schedule ends are sent, to those that end there", async () => {
  const events = await runJob(model, {
    tokens,
    schedules: [scheduleOf("baseline", range(L)), scheduleOf("exit", range(4))],
    readout: { layers: "final" },
  });
  expect(events.flatMap((event) => (event.type === "layer" ? [[event.step, event.variants]] : []))).toEqual([
    [4, [1]],
    [L, [0]],
  ]);
});

/** Adds jobs at given steps of the wavefront and records in which order they end. */
async function interleave(arrivals: Record<number, ReturnType<typeof jobOf>>) {
  const ended: string[] = [];
  const events: Record<string, EngineEvent[]> = {};
  for (let step = 0; step in arrivals || model.wavefront.hasWork; step++) {
    const job = arrivals[step];
    if (job) {
      const own: EngineEvent[] = [];
      events[job.id] = own;
      model.wavefront.add(job, (event) => {
        own.push(event);
        if (event.type === "done" || event.type === "error") ended.push(job.id);
      });
    }
    await model.wavefront.step();
  }
  return { ended, events };
}

test("a run that arrives later catches up and shares the calls that are left", async () => {
  const readout = { layers: "final", topK: 1 } as const;
  const cost = await counted(() =>
    interleave({ 0: jobOf(model, { tokens, readout }), 4: jobOf(model, { tokens: [9, 9, 9], readout }) }),
  );
  expect(cost).toMatchObject({ calls: L + 4, rows: 2 * L });
});

test("interactive runs go before background work, which loses nothing", async () => {
  const readout = { positions: [0], layers: "final", topK: 1 } as const;
  const background = { ...jobOf(model, { tokens: range(300), readout, priority: "background" }), id: "background" };
  const interactive = { ...jobOf(model, { tokens, readout }), id: "interactive" };
  const { ended, events } = await interleave({ 0: background, 2: interactive });
  expect(ended).toEqual(["interactive", "background"]);
  const alone = await runJob(model, { tokens: range(300), readout });
  expect(result(events.background as EngineEvent[]).variants[0]?.final).toStrictEqual(result(alone).variants[0]?.final);
});

test("cancelling between two calls ends one run with one error and leaves its mates alone", async () => {
  const own: EngineEvent[] = [];
  const job = jobOf(model, { tokens: [3, 1, 4] });
  model.wavefront.add(job, (event) => own.push(event));
  const mate: EngineEvent[] = [];
  model.wavefront.add(jobOf(model, { tokens: [2, 7] }), (event) => mate.push(event));
  await model.wavefront.step();
  expect(model.wavefront.cancel(job.id, new Problem("cancelled", "The run was cancelled."))).toBe(true);
  while (model.wavefront.hasWork) await model.wavefront.step();
  expect(own.filter(({ type }) => type === "error")).toHaveLength(1);
  expect(own.at(-1)).toMatchObject({ type: "error", problem: { code: "cancelled" } });
  expect(mate.at(-1)?.type).toBe("done");
  expect(model.wavefront.activeRuns).toBe(0);
});
