/** What the independent implementation computes for the fixtures, by the kinds of the figures. */
import { afterAll, describe, expect, it } from "vitest";
import { CHECKPOINTS, FIXTURES, readFixture } from "../../support/fixtures.ts";
import { meanOf, openLaboratory, rowsWith } from "../../support/experiments.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

/** Relative 1e-4; of what is nearly 0, an absolute 1e-6. */
function near(actual: number, expected: number): void {
  expect(Math.abs(actual - expected), `${actual} and ${expected}`).toBeLessThanOrEqual(1e-4 * Math.abs(expected) + 1e-6);
}

describe.each(FIXTURES)("%s", (model) => {
  const { figures, texts } = readFixture(model);
  const common = { model, data: { tokens: texts.map((text) => [...text]) }, prepend_bos: true } as const;

  it("layer-interventions: figure 3 with its standard deviations and errors", async () => {
    const result = await laboratory.run({ ...common, kind: "layer-interventions" });
    for (const [variant, statistics] of Object.entries(figures.layer_interventions)) {
      const [operation = "", layer] = variant.split(".");
      for (const [statistic, expected] of Object.entries(statistics)) {
        const [row] = rowsWith(result, { operation, layer: Number(layer), statistic });
        for (const name of ["mean", "std", "sem", "count"] as const)
          near(row?.[name] as number, (expected as unknown as Record<string, number>)[name] as number);
      }
    }
  });

  it("attention-locality: figure 4, every layer, head and k", async () => {
    const result = await laboratory.run({ ...common, kind: "attention-locality" });
    for (const [k, tables] of Object.entries(figures.attention_locality))
      for (const [statistic, layers] of Object.entries(tables))
        for (const [layer, heads] of layers.entries())
          for (const [head, expected] of heads.entries())
            near(meanOf(result, { layer, head, k: Number(k), statistic }), expected);
  });

  it("component-norms: figures 5 and 7", async () => {
    const result = await laboratory.run({ ...common, kind: "component-norms" });
    for (const [layer, expected] of figures.component_norms.entries()) {
      near(meanOf(result, { layer, statistic: "attn_out_norm" }), expected.attn_out);
      near(meanOf(result, { layer, statistic: "mlp_out_norm" }), expected.mlp_out);
      near(meanOf(result, { layer, statistic: "resid_post_norm" }), expected.resid_post);
      near(meanOf(result, { layer, statistic: "mean_of_ratios" }), expected.mean_of_ratios);
      near(meanOf(result, { layer, statistic: "ratio_of_means" }), expected.ratio_of_means);
    }
  });

  it.each(["standard", "frozen-norm"] as const)("logit-lens, %s: figures 6 left and 8", async (lens) => {
    const result = await laboratory.run({ ...common, kind: "logit-lens", settings: { lens } });
    const expected = lens === "standard" ? figures.logit_lens : figures.frozen_norm_lens;
    for (const [row, { kl_final_nats, entropy_bits }] of expected.entries()) {
      near(meanOf(result, { layer: row - 1, statistic: "kl_final_nats" }), kl_final_nats);
      near(meanOf(result, { layer: row - 1, statistic: "entropy_bits" }), entropy_bits);
    }
  });
});
