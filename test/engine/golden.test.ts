/** What transformers computes on the fixtures, tensor by tensor and figure by figure. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineEvent } from "../../src/engine/protocol.ts";
import type { BlockUse, Step } from "../../src/engine/schedule.ts";
import { TEST_DEVICE } from "../support/device.ts";
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
import { CHECKPOINTS, FIXTURES, highest, readFixture, TOKENS } from "../support/fixtures.ts";
import { relativeError } from "../support/reference.ts";

const TOLERANCE = 1e-4;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
/** A GPU has its own copy of the weights, whatever the mode. */
const MODES = TEST_DEVICE === "cpu" ? (["packed", "mapped"] as const) : (["packed"] as const);
const CASES = FIXTURES.flatMap((name) => MODES.map((weights) => ({ name, weights })));

describe.each(CASES)("$name, weights $weights", ({ name, weights }) => {
  const { reference, figures, texts, logprobs, vocabSize } = readFixture(name);
  // Figures are made of the outputs that the first tests compare: on a GPU played by a program one family is enough.
  const figure = test.runIf(TEST_DEVICE === "cpu" || name === "gpt2");
  let model: TestModel;

  beforeAll(async () => {
    model = await loadForTest(`${CHECKPOINTS}/${name}`, weights);
  });
  afterAll(() => model.close());

  const actualLogprobs = (events: readonly EngineEvent[], variant = 0) =>
    logprobsById(result(events).variants[variant]?.final as never, TOKENS);

  test("the baseline's logits, all five texts in one batch", async () => {
    const runs = await runJobs(
      model,
      texts.map((tokens) => jobOf(model, { tokens, readout: { layers: "final" } })),
    );
    for (const [text, events] of runs.entries()) {
      expect(result(events).variants[0]?.final?.topIds).toHaveLength(24 * TOKENS); // none of the padding's rows
      expect(relativeError(actualLogprobs(events), logprobs("logits", text, 24))).toBeLessThan(TOLERANCE);
    }
  });

  test("attention patterns and component norms of every block", async () => {
    const events = await runJob(model, { tokens: texts[0] as number[], capture: ["norms", "patterns"] });
    const d = model.spec.dModel;
    const normsOf = (tensor: string) =>
      range(24).map((position) => Math.hypot(...reference.values(tensor).subarray(position * d, (position + 1) * d)));
    for (const [step, layer] of layers(events).entries()) {
      if (step === 0) continue;
      const block = step - 1;
      const last = block === model.spec.nLayers - 1;
      expect(relativeError(layer.patterns?.[0]?.weights as Float32Array, reference.values(`pattern.${block}`))).toBeLessThan(
        TOLERANCE,
      );
      expect(relativeError(layer.norms?.attnOut as Float32Array, normsOf(`attn_out.${block}`))).toBeLessThan(TOLERANCE);
      expect(relativeError(layer.norms?.mlpOut as Float32Array, normsOf(`mlp_out.${block}`))).toBeLessThan(TOLERANCE);
      expect(
        relativeError(layer.norms?.residPost as Float32Array, normsOf(last ? "resid_final" : `resid_pre.${block + 1}`)),
      ).toBeLessThan(TOLERANCE);
    }
  });

  test("logits under every schedule and scale of the reference, as one run", async () => {
    const L = model.spec.nLayers;
    const all = range(L);
    const edited = (use: BlockUse) => all.map((block): Step => [block === use.block ? use : { block }]);
    const cases: Record<string, readonly (number | readonly number[] | Step)[]> = {
      "reverse.middle": [0, ...range(L - 2).map((i) => L - 2 - i), L - 1],
      "repeat.1-2.twice_in_place": [0, 1, 1, 2, 2, ...all.slice(3)],
      "parallel.0-1": [[0, 1], ...all.slice(2)],
      "exit.1": [0, 1],
      "delete.all": [],
      "attn_zero.1": edited({ block: 1, edits: [{ site: "attn_out", scale: 0 }] }),
      "mlp_zero.1": edited({ block: 1, edits: [{ site: "mlp_out", scale: 0 }] }),
      "mlp_half.1": edited({ block: 1, edits: [{ site: "mlp_out", scale: 0.5 }] }),
      "head_zero.1.0": edited({ block: 1, edits: [{ site: "z", head: 0, scale: 0 }] }),
    };
    for (const i of all) cases[`delete.${i}`] = all.filter((block) => block !== i);
    for (const i of range(L - 1)) cases[`swap.${i}`] = [...range(i), i + 1, i, ...all.slice(i + 2)];
    if (reference.names().includes("sublayers.s0_f0_s1_f1_f2_s3_s4_f4")) {
      const half = (block: number, component: "attn" | "mlp"): Step => [{ block, component }];
      cases["sublayers.s0_f0_s1_f1_f2_s3_s4_f4"] = [
        half(0, "attn"),
        half(0, "mlp"),
        half(1, "attn"),
        half(1, "mlp"),
        half(2, "mlp"),
        half(3, "attn"),
        half(4, "attn"),
        half(4, "mlp"),
      ];
    }
    const schedules = Object.entries(cases).map(([variant, steps]) => scheduleOf(variant, steps));
    const runs = await runJobs(
      model,
      [0, 1].map((text) =>
        jobOf(model, { tokens: (texts[text] as number[]).slice(0, 12), schedules, readout: { layers: "final" } }),
      ),
    );
    for (const [text, events] of runs.entries()) {
      for (const [index, { name: variant }] of schedules.entries()) {
        expect(relativeError(actualLogprobs(events, index), logprobs(variant, text, 12)), variant).toBeLessThan(TOLERANCE);
      }
    }
  });

  figure("figure 3: divergence, agreement, entropy and loss change of every deletion and swap", async () => {
    const L = model.spec.nLayers;
    const names = Object.keys(figures.layer_interventions);
    const schedules = [
      scheduleOf("baseline", range(L)),
      ...names.map((variant) => {
        const [operation, layer] = variant.split(".");
        const i = Number(layer);
        return scheduleOf(
          variant,
          operation === "delete" ? range(L).filter((block) => block !== i) : [...range(i), i + 1, i, ...range(L).slice(i + 2)],
        );
      }),
    ];
    const runs = await runJobs(
      model,
      texts.map((tokens) => jobOf(model, { tokens, schedules, baseline: 0, readout: { layers: "final", topK: 1 } })),
    );
    for (const [index, variant] of names.entries()) {
      const comparisons = runs.map((events) => result(events).comparisons[index]);
      const over = (values: (comparison: NonNullable<(typeof comparisons)[number]>) => ArrayLike<number>, until = 24) =>
        mean(comparisons.flatMap((comparison) => Array.from(values(comparison as never)).slice(1, until)));
      const expected = figures.layer_interventions[variant] as (typeof figures.layer_interventions)[string];
      expect(over(({ klNats }) => klNats) / expected.kl_nats.mean - 1, `${variant} kl`).toBeCloseTo(0, 4);
      // The figures count tokens that do not exist, where there is padding; the next test does not.
      if (vocabSize === TOKENS)
        expect(
          over(({ top1Agreement }) => top1Agreement.map(Number)),
          `${variant} top-1`,
        ).toBeCloseTo(expected.top1_agreement.mean, 10);
      expect(
        over(({ entropyChangeBits }) => entropyChangeBits),
        `${variant} entropy`,
      ).toBeCloseTo(expected.entropy_change_bits.mean, 4);
      expect(
        over(({ lossChangeNats }) => lossChangeNats, 23),
        `${variant} loss`,
      ).toBeCloseTo(expected.loss_change_nats.mean, 4);
    }
  });

  figure("agreement on the likeliest token, among those that exist", async () => {
    const L = model.spec.nLayers;
    const schedules = [
      scheduleOf("baseline", range(L)),
      ...range(L).map((i) =>
        scheduleOf(
          `delete.${i}`,
          range(L).filter((block) => block !== i),
        ),
      ),
    ];
    for (const text of [0, 1]) {
      const tokens = (texts[text] as number[]).slice(0, 12);
      const { comparisons } = result(
        await runJob(model, { tokens, schedules, baseline: 0, readout: { layers: "final", topK: 1 } }),
      );
      const untouched = highest(logprobs("logits", 2 * text, 12), TOKENS); // rows of 24 positions: the first 12
      for (const i of range(L)) {
        const changed = highest(logprobs(`delete.${i}`, text, 12), TOKENS);
        expect(Array.from(comparisons[i]?.top1Agreement as never, Boolean)).toEqual(
          changed.map((id, at) => id === untouched[at]),
        );
      }
    }
  });

  figure("figure 4: attention to the previous offsets", async () => {
    const runs = await runJobs(
      model,
      texts.map((tokens) => jobOf(model, { tokens, capture: ["attention_locality"], readout: { topK: 1 } })),
    );
    for (const [k, expected] of Object.entries(figures.attention_locality)) {
      for (const layer of range(model.spec.nLayers)) {
        const of = (statistic: "perCell" | "total" | "totalWithoutBos", head: number) =>
          mean(runs.map((events) => layers(events)[layer + 1]?.locality?.[0]?.[statistic][Number(k) - 1]?.[head] as number));
        for (const head of range(model.spec.nHeads)) {
          expect(of("perCell", head)).toBeCloseTo(expected.per_cell[layer]?.[head] as number, 5);
          expect(of("total", head)).toBeCloseTo(expected.total[layer]?.[head] as number, 5);
          expect(of("totalWithoutBos", head)).toBeCloseTo(expected.total_without_bos[layer]?.[head] as number, 5);
        }
      }
    }
  });

  figure("figures 5 and 7: component norms, mean of ratios and ratio of means", async () => {
    const runs = await runJobs(
      model,
      texts.map((tokens) => jobOf(model, { tokens, capture: ["norms"], readout: { topK: 1 } })),
    );
    for (const [layer, expected] of figures.component_norms.entries()) {
      const norms = runs.map(
        (events) => layers(events)[layer + 1]?.norms as { attnOut: Float32Array; mlpOut: Float32Array; residPost: Float32Array },
      );
      const values = (of: (one: (typeof norms)[number]) => ArrayLike<number>) =>
        norms.flatMap((one) => Array.from(of(one)).slice(1));
      const attn = values(({ attnOut }) => attnOut);
      const mlp = values(({ mlpOut }) => mlpOut);
      expect(mean(attn) / expected.attn_out - 1).toBeCloseTo(0, 4);
      expect(mean(mlp) / expected.mlp_out - 1).toBeCloseTo(0, 4);
      expect(mean(values(({ residPost }) => residPost)) / expected.resid_post - 1).toBeCloseTo(0, 4);
      expect(mean(attn.map((value, i) => value / (mlp[i] as number))) / expected.mean_of_ratios - 1).toBeCloseTo(0, 4);
      expect(mean(attn) / mean(mlp) / expected.ratio_of_means - 1).toBeCloseTo(0, 4);
    }
  });

  figure.each(["standard", "frozen-norm"] as const)(
    "figures 6 and 8: the %s lens, entropy and divergence of every layer",
    async (lens) => {
      const expected = lens === "standard" ? figures.logit_lens : figures.frozen_norm_lens;
      const runs = await runJobs(
        model,
        texts.map((tokens) => jobOf(model, { tokens, readout: { topK: 1, lens } })),
      );
      for (const [row, { kl_final_nats, entropy_bits }] of expected.entries()) {
        const kl = mean(
          runs.flatMap((events) => Array.from(result(events).variants[0]?.layers[row]?.klFinalNats as Float64Array).slice(1)),
        );
        const entropy = mean(
          runs.flatMap((events) => Array.from(layers(events)[row]?.readout?.entropyBits as Float32Array).slice(1)),
        );
        // Below a hundredth of a bit, float32 holds the absolute error, not the relative one.
        expect(Math.abs(entropy - entropy_bits)).toBeLessThan(TOLERANCE * Math.max(entropy_bits, 0.01));
        expect(Math.abs(kl - kl_final_nats)).toBeLessThan(TOLERANCE * Math.max(kl_final_nats, 0.1));
      }
    },
  );
});
