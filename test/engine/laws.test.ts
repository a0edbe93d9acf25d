/** Laws that need no reference, over random small checkpoints: what must hold of every model. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineEvent, VectorSpec } from "../../src/engine/protocol.ts";
import type { Addend, Edit, Schedule, Site, Step } from "../../src/engine/schedule.ts";
import { writeRandom } from "../support/checkpoint.ts";
import {
  jobOf,
  layers,
  loadForTest,
  logprobsById,
  range,
  result,
  runJob,
  runJobs,
  scheduleOf,
  type TestModel,
} from "../support/engine.ts";

/** Sizes that fill no vector register: what a kernel does with the rest must not depend on what stands beside it. */
const SHAPES = [
  { family: "gpt2", nLayers: 1, dModel: 24, nHeads: 3, dMlp: 40, type: "F32" },
  { family: "gpt2", nLayers: 4, dModel: 32, nHeads: 2, dMlp: 96, type: "F16" },
  { family: "gpt2", nLayers: 7, dModel: 40, nHeads: 5, dMlp: 72, type: "BF16" },
  { family: "gpt_neox", nLayers: 3, dModel: 40, nHeads: 2, dMlp: 72, type: "F32", config: { rotary_pct: 0.3 } }, // 3 pairs turn
  { family: "phi", nLayers: 3, dModel: 36, nHeads: 6, kvHeads: 3, dMlp: 52, type: "F16", config: { partial_rotary_factor: 0.4 } },
  { family: "llama", nLayers: 4, dModel: 40, nHeads: 6, kvHeads: 2, headDim: 10, dMlp: 68, type: "BF16" },
] as const;
const CONTEXT = 80;
const VOCAB = 320;

/** Times a vector as wide as the site (0: d_model, 1: z, 2: d_mlp), or what the source has there. */
function addend(site: Site, times: number, source: boolean): Addend {
  if (source) return { from: "source", index: 0, times };
  return { from: "vector", index: site === "z" ? 1 : site === "mlp_act" ? 2 : 0, times };
}

/** All that a step can show. */
const CAPTURE = ["norms", "patterns", "attention_locality", "head_norms", "neurons", "residuals", "components"] as const;
const NEURONS = { top: 3, chosen: [{ block: 0, neurons: [1, 2] }] };

/** Half types folded and packed, and kept; float32 packed and mapped. */
const HELD = [
  { weights: "packed", half: "folded" },
  { weights: "mapped", half: "kept" },
] as const;

describe.each(SHAPES.flatMap((shape) => HELD.map((held) => ({ ...shape, ...held }))))(
  "$family, $nLayers blocks of $dModel, $type on disk, weights $weights, half types $half",
  ({ weights, half, family, ...shape }) => {
    const folder = mkdtempSync(join(tmpdir(), "stratascope-laws-"));
    const L = shape.nLayers;
    let model: TestModel;

    beforeAll(async () => {
      writeRandom(folder, family, { ...shape, vocabSize: VOCAB, contextLength: CONTEXT, seed: L });
      model = await loadForTest(folder, weights, half);
    });
    afterAll(async () => {
      await model.close();
      rmSync(folder, { recursive: true });
    });

    const prompt = (min = 1) => fc.array(fc.nat(VOCAB - 1), { minLength: min, maxLength: 40 });
    const block = fc.nat(L - 1);
    const somewhere = fc.constantFrom(undefined, [0], [0, 2, 5]);
    const edit: fc.Arbitrary<Edit> = fc
      .record({
        part: fc.constantFrom<Partial<Edit> & Pick<Edit, "site">>(
          { site: "resid_pre" },
          { site: "resid_post" },
          { site: "z", head: shape.nHeads - 1 },
          { site: "attn_out" },
          { site: "mlp_act" },
          { site: "mlp_act", neurons: [0, 7, 30] },
          { site: "mlp_out" },
        ),
        scale: fc.constantFrom(0, 0.5, -1, 2),
        times: fc.constantFrom(0, 0.5, -2),
        source: fc.boolean(),
        positions: somewhere,
      })
      .map(({ part, scale, times, source, positions }) => ({
        ...part,
        scale,
        ...(times !== 0 && { add: [addend(part.site, times, source)] }),
        ...(positions && { positions }),
      }));
    const use = fc.record({ block, edits: fc.array(edit, { maxLength: 1 }) });
    const schedule = fc
      .array(fc.array(use, { minLength: 1, maxLength: 2 }), { maxLength: L + 2 })
      .map((steps): Schedule => ({ name: "any", steps }));
    const check = (
      property: fc.IAsyncProperty<never> | fc.IAsyncProperty<[number[], Schedule]> | fc.IAsyncProperty<[number[]]>,
      numRuns = 12,
    ) => fc.assert(property as fc.IAsyncProperty<unknown>, { numRuns, seed: 7 });
    // One vector a width, and a source as long as any prompt.
    const width = {
      d: shape.dModel,
      z: shape.nHeads * (("headDim" in shape && shape.headDim) || shape.dModel / shape.nHeads),
      mlp: shape.dMlp,
    };
    const vectors = [width.d, width.z, width.mlp].map((size, index): VectorSpec => {
      const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i * 3 + index));
      return { kind: "values", key: String(index), values };
    });
    const sources = [{ tokens: range(40).map((i) => (i * 37 + 5) % VOCAB) }];
    const added = { vectors, sources };
    const finalOf = (events: readonly EngineEvent[], variant = 0) => result(events).variants[variant]?.final;

    test("a row's numbers do not depend on its batch, on padding, or on who else reads out: bit for bit", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(prompt(), schedule), { minLength: 2, maxLength: 6 }), async (cases) => {
          const jobs = () =>
            cases.map(([tokens, one], i) =>
              jobOf(model, {
                tokens,
                schedules: [one],
                capture: [...CAPTURE, "attribution"],
                neurons: NEURONS,
                readout: { targets: [i, 100 + i] },
                ...added,
              }),
            );
          const together = await runJobs(model, jobs());
          for (const [index, job] of jobs().entries()) {
            const alone = (await runJobs(model, [job]))[0] as EngineEvent[];
            expect(layers(together[index] as EngineEvent[])).toStrictEqual(layers(alone));
            expect(result(together[index] as EngineEvent[])).toStrictEqual(result(alone));
          }
        }),
        { numRuns: 10, seed: 7 },
      );
    });

    test("reading out one position gives the same bits as reading out all", async () => {
      await check(
        fc.asyncProperty(prompt(), schedule, async (tokens, one) => {
          const last = tokens.length - 1;
          const V = model.spec.vocabSize;
          const all = logprobsById(finalOf(await runJob(model, { tokens, schedules: [one], ...added })) as never, V);
          const single = logprobsById(
            finalOf(
              await runJob(model, { tokens, schedules: [one], readout: { positions: [last], layers: "final" }, ...added }),
            ) as never,
            V,
          );
          expect(single).toStrictEqual(all.slice(last * V));
        }),
      );
    });

    test("a longer prompt does not change what stands before", async () => {
      await check(
        fc.asyncProperty(prompt(2), async (tokens) => {
          const shorter = tokens.slice(0, -1);
          const one = layers(await runJob(model, { tokens: shorter }));
          const other = layers(await runJob(model, { tokens, readout: { positions: range(shorter.length) } }));
          for (const [step, layer] of one.entries())
            expect(layer.readout?.topLogprobs).toStrictEqual(other[step]?.readout?.topLogprobs);
        }),
      );
    });

    test("deleting a block is scaling both its components to zero, exactly", async () => {
      for (const i of range(L)) {
        const zero: Step = [
          {
            block: i,
            edits: [
              { site: "attn_out", scale: 0 },
              { site: "mlp_out", scale: 0 },
            ],
          },
        ];
        const schedules = [
          scheduleOf(
            "deleted",
            range(L).filter((b) => b !== i),
          ),
          scheduleOf(
            "scaled",
            range(L).map((b) => (b === i ? zero : b)),
          ),
        ];
        const events = await runJob(model, { tokens: [0, 5, 9, 200, 31], schedules });
        expect(finalOf(events, 1)).toStrictEqual(finalOf(events, 0));
      }
    });

    test("deleting every block reads out the embedding; the lens after the last block is the model's output", async () => {
      const events = await runJob(model, {
        tokens: [0, 7, 7, 300],
        schedules: [scheduleOf("baseline", range(L)), scheduleOf("nothing", [])],
      });
      expect(finalOf(events, 1)).toStrictEqual(layers(events, 0)[0]?.readout);
      expect(finalOf(events, 0)).toStrictEqual(layers(events, 0).at(-1)?.readout);
    });

    test("zeroing all heads is zeroing what the heads write, the output bias apart", async () => {
      const zeroHeads = range(model.spec.nHeads).map((head): Edit => ({ site: "z", head, scale: 0 }));
      const steps = range(L).map((b): Step => [{ block: b, edits: zeroHeads }]);
      const events = await runJob(model, { tokens: [4, 5, 6], schedules: [{ name: "headless", steps }], capture: ["norms"] });
      for (const layer of layers(events).slice(1)) expect(new Set(layer.norms?.attnOut).size).toBe(1);
    });

    test("a group of one block twice is that block; its norms are the block's", async () => {
      const i = L - 1;
      const schedules = [scheduleOf("once", [i]), scheduleOf("twice", [[i, i]])];
      const events = await runJob(model, { tokens: [0, 1, 2, 3], schedules, capture: ["norms"] });
      expect(finalOf(events, 1)).toStrictEqual(finalOf(events, 0));
      const [once, twice] = [0, 1].map((variant) => layers(events, variant).at(-1)?.norms);
      expect(Array.from(twice?.attnOut as Float32Array)).toEqual(
        Array.from(once?.attnOut as Float32Array, (value) => expect.closeTo(value, 4)),
      );
    });

    test("edits at chosen positions leave the positions before them alone, and change those after", async () => {
      const positions = [2];
      const steps = range(L).map(
        (b): Step => [b === 0 ? { block: 0, edits: [{ site: "mlp_out", scale: 0, positions }] } : { block: b }],
      );
      const events = await runJob(model, {
        tokens: [9, 8, 7, 6, 5],
        schedules: [scheduleOf("baseline", range(L)), { name: "edited", steps }],
        baseline: 0,
      });
      const kl = result(events).comparisons[0]?.klNats as Float64Array;
      expect([kl[0], kl[1]]).toEqual([0, 0]);
      expect(kl[2]).toBeGreaterThan(1e-6);
    });

    test("the divergence of a distribution from itself is zero, others are not negative", async () => {
      await check(
        fc.asyncProperty(prompt(), schedule, async (tokens, one) => {
          const baseline = scheduleOf("baseline", range(L));
          const events = await runJob(model, {
            tokens,
            schedules: [baseline, { ...baseline, name: "same" }, one],
            baseline: 0,
            ...added,
          });
          const [same, other] = result(events).comparisons;
          expect(same?.klNats.every((nats) => nats === 0)).toBe(true);
          expect(same?.top1Agreement.every(Boolean)).toBe(true);
          for (const nats of other?.klNats ?? []) expect(nats).toBeGreaterThanOrEqual(0);
          expect(
            result(events)
              .variants[0]?.layers.at(-1)
              ?.klFinalNats.every((nats) => nats === 0),
          ).toBe(true);
        }),
      );
    });
  },
);
