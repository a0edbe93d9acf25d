/** Final read-outs of sweeps at any number of positions, many runs at once: the same bits as each variant alone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineEvent, ReadoutRows, ResultEvent, RunJob } from "../../../src/engine/protocol.ts";
import type { Schedule } from "../../../src/engine/schedule.ts";
import { writeRandomGpt2 } from "../../support/checkpoint.ts";
import { jobOf, loadForTest, range, result, runJobs, scheduleOf, type TestModel } from "../../support/engine.ts";

const L = 4;
/** No multiple of a vector register. */
const VOCAB = 333;
const folder = mkdtempSync(join(tmpdir(), "stratascope-readings-"));
let model: TestModel;

beforeAll(async () => {
  writeRandomGpt2(folder, { nLayers: L, dModel: 32, nHeads: 2, vocabSize: VOCAB, contextLength: 160 });
  model = await loadForTest(folder);
});
afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true });
});

const baseline = scheduleOf("baseline", range(L));
const variants = [
  ...range(L).map((i) =>
    scheduleOf(
      `delete.${i}`,
      range(L).filter((block) => block !== i),
    ),
  ),
  ...range(L - 1).map((i) => scheduleOf(`swap.${i}`, [...range(i), i + 1, i, ...range(L).slice(i + 2)])),
];
const text = (length: number, seed: number) => range(length).map((i) => (i * 31 + seed * 17 + 5) % 320);

function job(tokens: readonly number[], schedules: readonly Schedule[], priority: RunJob["priority"]): RunJob {
  const positions = range(tokens.length).slice(1);
  return jobOf(model, {
    tokens,
    schedules,
    baseline: 0,
    priority,
    quiet: true,
    readout: { positions, layers: "final", topK: 3 },
  });
}

/** Rows of one reading: few, half a chunk, most of one, a whole one, more than one, nearly two. */
describe.each([3, 16, 32, 33, 63, 64, 65, 127])("%i positions", (positions) => {
  test.each(["background", "interactive"] as const)("%s runs of different texts", async (priority) => {
    const texts = [1, 2, 3].map((seed) => text(positions + 1, seed));
    const together = await runJobs(
      model,
      texts.map((tokens) => job(tokens, [baseline, ...variants], priority)),
    );
    for (const [index, tokens] of texts.entries()) {
      const swept = result(together[index] as EngineEvent[]);
      const pairs = variants.map((variant) => job(tokens, [baseline, variant], "interactive"));
      for (const [variant, events] of (await runJobs(model, pairs)).entries()) {
        const alone = result(events);
        expect(swept.variants[variant + 1]).toStrictEqual(alone.variants[1]);
        expect(swept.comparisons[variant]).toStrictEqual({ ...alone.comparisons[0], variant: variant + 1 });
        expect(alone.comparisons[0]?.klNats.every((nats) => nats > 0)).toBe(true);
      }
    }
  });
});

test("what is compared is not cut where a chunk would end: one call a variant, or as many as are whole", async () => {
  const calls = async (length: number) => {
    const before = model.counters.snapshot();
    await runJobs(
      model,
      [1, 2, 3].map((seed) => job(text(length, seed), [baseline, ...variants], "background")),
    );
    const after = model.counters.snapshot();
    return { calls: after.readoutCalls - before.readoutCalls, rows: after.readoutRows - before.readoutRows };
  };
  const all = 1 + variants.length;
  expect(await calls(64)).toEqual({ calls: 3 * all, rows: 3 * all * 63 });
  expect(await calls(128)).toEqual({ calls: 3 * 2 * all, rows: 3 * all * 127 });
  // Seven variants of 16 rows: four and three beside each other.
  expect(await calls(17)).toEqual({ calls: 3 * 3, rows: 3 * all * 16 });
});

test("ranks that nobody asks for are 0, and nothing else changes, whoever shares the chunk", async () => {
  const tokens = text(9, 4);
  const schedules = [baseline, ...variants];
  const readout = { positions: range(8), layers: "all", topK: 3, targets: [7, 8] } as const;
  const jobs = [undefined, false].map((ranks) =>
    jobOf(model, { tokens, schedules, baseline: 0, readout: { ...readout, ...(ranks === false && { ranks }) } }),
  );
  const [ranked, unranked] = (await runJobs(model, jobs)).map(result) as [ResultEvent, ResultEvent];
  const without = (rows: ReadoutRows) => ({ ...rows, followedRanks: rows.followedRanks.map(() => 0) });
  for (const [index, { final, layers }] of unranked.variants.entries()) {
    const expected = ranked.variants[index] as ResultEvent["variants"][number];
    expect(final).toStrictEqual(without(expected.final));
    expect(layers).toStrictEqual(expected.layers);
    expect(expected.final.followedRanks.every((rank) => rank >= 1)).toBe(true);
  }
  expect(unranked.comparisons).toStrictEqual(ranked.comparisons);
  const [alone] = await runJobs(model, jobs.slice(1));
  expect(result(alone as EngineEvent[])).toStrictEqual(unranked);
});
