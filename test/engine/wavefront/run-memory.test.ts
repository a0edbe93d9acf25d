/** The memory of recent prompts: the same bits, fewer steps. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Schedule, Step } from "../../../src/engine/schedule.ts";
import { writeRandom } from "../../support/checkpoint.ts";
import { type JobSpec, layers, loadForTest, range, result, runJob, scheduleOf, type TestModel } from "../../support/engine.ts";

const L = 6;
const D = 32;
const TOKENS = [0, 11, 25, 300, 4, 9, 17];

describe.each(["gpt2", "phi", "llama"])("%s", (family) => {
  const folder = mkdtempSync(join(tmpdir(), "stratascope-memory-"));
  let plain: TestModel;
  let remembering: TestModel;

  beforeAll(async () => {
    writeRandom(folder, family, { nLayers: L, dModel: D, nHeads: 4, dMlp: 64, vocabSize: 320, contextLength: 64 });
    plain = await loadForTest(folder);
    remembering = await loadForTest(folder, "packed", "folded", 1 << 20);
  });
  afterAll(async () => {
    await plain.close();
    await remembering.close();
    rmSync(folder, { recursive: true });
  });

  const edit = (block: number, values: number): Step => [
    { block, edits: [{ site: "resid_post", scale: 1, add: [{ from: "vector", index: 0, times: values }] }] },
  ];
  const base = scheduleOf("baseline", range(L));
  const cases: Record<string, Partial<JobSpec>> = {
    "the same run again": {},
    "the last block deleted, only the end read out": {
      schedules: [base, scheduleOf("deleted", range(L - 1))],
      readout: { positions: [6], layers: "final" },
      baseline: 0,
    },
    "a swap in the middle, with norms": {
      schedules: [base, scheduleOf("swapped", [0, 1, 3, 2, 4, 5])],
      baseline: 0,
      capture: ["norms"],
    },
    "a parallel group": { schedules: [scheduleOf("grouped", [0, [1, 2], 3, 4, 5])], capture: ["norms"] },
    "a vector": { schedules: [scheduleOf("steered", [0, 1, edit(2, 1), 3, 4, 5])] },
    "the same vector, another number of times": { schedules: [scheduleOf("steered", [0, 1, edit(2, 2), 3, 4, 5])] },
    "patterns, which are not remembered": { capture: ["norms", "patterns"] },
    "the frozen-norm lens": { readout: { lens: "frozen-norm" } },
    "another prompt that begins alike": { tokens: TOKENS.slice(0, 5) },
    "a whole sweep": {
      schedules: [
        base,
        ...range(L).map(
          (i): Schedule =>
            scheduleOf(
              `delete.${i}`,
              range(L).filter((b) => b !== i),
            ),
        ),
      ],
      baseline: 0,
    },
  };

  test.each(Object.entries(cases))("%s: bit for bit as without memory, first and second time", async (_, given) => {
    const values = Float32Array.from({ length: D }, (_, i) => Math.cos(i));
    const spec: JobSpec = { tokens: TOKENS, vectors: [{ kind: "values", key: "cos", values }], ...given };
    const expected = await runJob(plain, spec);
    for (const _ of range(2)) {
      const actual = await runJob(remembering, spec);
      expect(result(actual)).toStrictEqual(result(expected));
      for (const variant of range(spec.schedules?.length ?? 1))
        expect(layers(actual, variant)).toStrictEqual(layers(expected, variant));
    }
  });

  test("a second intervention starts at its first changed step", async () => {
    const tokens = [3, 1, 4, 1, 5, 9, 2, 6];
    const rows = async (schedule: Schedule) => {
      const before = remembering.counters.snapshot();
      await runJob(remembering, { tokens, schedules: [schedule], readout: { positions: [7], layers: "final" } });
      const after = remembering.counters.snapshot();
      return { ran: after.blockRows - before.blockRows, remembered: after.rememberedSteps - before.rememberedSteps };
    };
    expect(await rows(base)).toEqual({ ran: L, remembered: 0 });
    expect(await rows(scheduleOf("deleted", [0, 1, 2, 3, 5]))).toEqual({ ran: 1, remembered: 4 });
    expect(await rows(scheduleOf("exit", [0, 1, 2]))).toEqual({ ran: 0, remembered: 3 });
    expect(plain.wavefront.memoryBytes).toBe(0);
  });

  test("a vector of another content under the same index is another step", async () => {
    const tokens = [8, 8, 8, 1];
    const steered = (key: string, value: number): JobSpec => ({
      tokens,
      schedules: [scheduleOf("steered", [0, edit(1, 1), 2, 3, 4, 5])],
      vectors: [{ kind: "values", key, values: new Float32Array(D).fill(value) }],
    });
    await runJob(remembering, steered("one", 1));
    const actual = await runJob(remembering, steered("two", 2));
    expect(result(actual)).toStrictEqual(result(await runJob(plain, steered("two", 2))));
  });

  test("thousands of remembered steps come one after another, not one within another", async () => {
    const deep = await loadForTest(folder, "packed", "folded", 1 << 24);
    const steps = range(4096).map((step) => step % L);
    const spec: JobSpec = { tokens: [1, 2], schedules: [scheduleOf("deep", steps)], readout: { layers: "final" } };
    const first = await runJob(deep, spec);
    expect(result(await runJob(deep, spec))).toStrictEqual(result(first));
    expect(deep.counters.snapshot().rememberedSteps).toBe(4095); // all but the last, of which not every position was computed
    await deep.close();
  });

  test("what runs in the background does not push out what people work on", async () => {
    const model = await loadForTest(folder, "packed", "folded", 1 << 20);
    await runJob(model, { tokens: TOKENS, priority: "background" });
    expect(model.wavefront.memoryBytes).toBe(0);
    await model.close();
  });

  test("a run adds at most half, the least recently used go first, and the bytes stay within the bound", async () => {
    const step = TOKENS.length * D * 4;
    const small = await loadForTest(folder, "packed", "folded", 5 * step);
    const remembered = async (tokens: readonly number[]) => {
      const before = small.counters.snapshot().rememberedSteps;
      await runJob(small, { tokens });
      return small.counters.snapshot().rememberedSteps - before;
    };
    expect(await remembered(TOKENS)).toBe(0);
    expect(small.wavefront.memoryBytes).toBe(2 * step);
    expect(await remembered(TOKENS)).toBe(2);
    expect(small.wavefront.memoryBytes).toBe(4 * step); // the two steps after those
    for (const first of [1, 2, 3]) expect(await remembered([first, ...TOKENS.slice(1)])).toBe(0);
    expect(small.wavefront.memoryBytes).toBe(5 * step);
    expect(await remembered(TOKENS)).toBe(0);
    await small.close();
  });
});
