/** Prompts of more than one block of queries: the same numbers as all at once, in any company, and no matrix of all scores. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { QUERY_BLOCK } from "../../src/engine/graph/attention.ts";
import type { RunJob } from "../../src/engine/protocol.ts";
import { baselineSchedule, type Edit, type Schedule } from "../../src/engine/schedule.ts";
import { writeRandom } from "../support/checkpoint.ts";
import { type JobSpec, jobOf, layers, loadForTest, range, result, runJobs, type TestModel } from "../support/engine.ts";

const VOCAB = 320;
const SHAPES = [
  { family: "gpt2", nHeads: 3, dModel: 24, dMlp: 40, type: "F32" },
  { family: "phi", nHeads: 6, kvHeads: 3, dModel: 36, dMlp: 52, type: "F16", config: { partial_rotary_factor: 0.4 } },
  { family: "llama", nHeads: 6, kvHeads: 2, headDim: 10, dModel: 40, dMlp: 68, type: "BF16" },
] as const;
const HELD = [
  { weights: "packed", half: "folded" },
  { weights: "mapped", half: "kept" },
] as const;

const prompt = (length: number, seed = 0) => range(length).map((i) => (i * 37 + seed * 101 + 5) % VOCAB);

describe.each(SHAPES.flatMap((shape) => HELD.map((held) => ({ ...shape, ...held }))))(
  "$family, weights $weights, half types $half",
  ({ weights, half, family, ...shape }) => {
    const folder = mkdtempSync(join(tmpdir(), "stratascope-long-"));
    const L = 2;
    let model: TestModel;

    beforeAll(async () => {
      writeRandom(folder, family, { ...shape, nLayers: L, vocabSize: VOCAB, contextLength: 800, seed: 3 });
      model = await loadForTest(folder, weights, half);
    });
    afterAll(async () => {
      await model.close();
      rmSync(folder, { recursive: true });
    });

    const edited: Schedule = {
      name: "edited",
      steps: range(L).map((block) => {
        const edits: Edit[] = [
          { site: "z", head: 1, scale: 0.5, positions: [0, QUERY_BLOCK - 1, QUERY_BLOCK] },
          { site: "mlp_act", scale: -1, positions: [QUERY_BLOCK, QUERY_BLOCK + 1] },
        ];
        return [{ block, edits }];
      }),
    };
    const job = (tokens: readonly number[], given: Partial<JobSpec> = {}) =>
      jobOf(model, { tokens, capture: ["norms", "residuals"], ...given, readout: { topK: 5, ...given.readout } });

    const run = async (...jobs: readonly RunJob[]) => {
      const all = await runJobs(model, jobs);
      return all.map((events) => ({ layers: layers(events), result: result(events) }));
    };

    test.each([
      ["at all positions", {}],
      ["at the last", { positions: [699], layers: "final" }],
    ] as const)("700 tokens, %s: the same bits whether patterns are asked for or not", async (_, readout) => {
      for (const schedules of [[baselineSchedule(L)], [edited]]) {
        const one = (capture: RunJob["capture"]) => run(job(prompt(700), { readout, schedules, capture }));
        const [plain] = await one(["norms", "residuals"]);
        const [whole] = await one(["norms", "residuals", "patterns"]);
        expect(plain?.result).toStrictEqual(whole?.result);
        expect(whole?.layers.map(({ patterns }) => patterns?.[0]?.weights.length)).toEqual([
          undefined,
          ...range(L).map(() => shape.nHeads * 700 * 700),
        ]);
        expect(plain?.layers).toStrictEqual(whole?.layers.map(({ patterns: _patterns, ...rest }) => rest));
      }
    });

    test.each([1, 2, QUERY_BLOCK - 1, QUERY_BLOCK, QUERY_BLOCK + 1, 2 * QUERY_BLOCK - 1, 2 * QUERY_BLOCK, 2 * QUERY_BLOCK + 1])(
      "%i tokens: the same bits alone, beside longer prompts, and as the beginning of one",
      async (length) => {
        const tokens = prompt(length);
        const jobs = () => [job(tokens), job(tokens, { schedules: [edited] }), job(prompt(length, 1)), job(prompt(200, 2))];
        const together = await run(...jobs());
        for (const [index, one] of jobs().entries()) expect(await run(one)).toStrictEqual([together[index]]);
        const [longer] = await run(job(prompt(300), { readout: { positions: range(length) } }));
        expect(longer?.layers.map(({ residual }) => residual)).toStrictEqual(together[0]?.layers.map(({ residual }) => residual));
      },
    );

    test("a row that shows its patterns changes no bit of those beside it, nor they of its patterns", async () => {
      const jobs = () => [job(prompt(90), { capture: ["patterns"] }), job(prompt(150, 1))];
      const together = await run(...jobs());
      for (const [index, one] of jobs().entries()) expect(await run(one)).toStrictEqual([together[index]]);
    });
  },
);

test("4,096 tokens take no memory for scores: far less than one matrix of all of them", () => {
  const folder = mkdtempSync(join(tmpdir(), "stratascope-long-"));
  const nHeads = 8;
  const T = 4096;
  writeRandom(folder, "llama", { nLayers: 2, dModel: 32, nHeads, kvHeads: 2, dMlp: 64, vocabSize: VOCAB, contextLength: T });
  const peakOf = (length: number): number => {
    const child = spawnSync("node_modules/.bin/bun", ["test/support/peak-child.ts", folder, String(length)], {
      encoding: "utf8",
    });
    return Number(child.stdout);
  };
  const [short, long] = [peakOf(64), peakOf(T)];
  rmSync(folder, { recursive: true });
  expect(short).toBeGreaterThan(0);
  // Scores of all heads, once: 512 MiB. All else of such a model is [T, width].
  expect(long - short).toBeLessThan((nHeads * T * T * 4) / 4);
});
