/** What the independent implementation computes for the fixtures, figure by figure, to hold results against. */
import { expect } from "vitest";
import type { ResultRow } from "../../src/experiments/result.ts";
import type { ExperimentRequestInput } from "../../src/schemas/experiments/request.ts";
import type { Figures, FixtureName } from "./fixtures.ts";

/** Where a result's tables come from: `result`, and those beside it. */
export type Tables = (name: string) => Promise<readonly ResultRow[]>;

export interface FigureCheck {
  readonly name: string;
  request(model: FixtureName, texts: readonly (readonly number[])[]): ExperimentRequestInput;
  check(figures: Figures, tables: Tables): Promise<void>;
}

/** Relative 1e-4; of what is nearly 0, an absolute 1e-6. */
export function near(actual: unknown, expected: number): void {
  const bound = 1e-4 * Math.abs(expected) + 1e-6;
  expect(Math.abs((actual as number) - expected), `${actual} and ${expected}`).toBeLessThanOrEqual(bound);
}

function rowOf(rows: readonly ResultRow[], wanted: ResultRow): ResultRow {
  const found = rows.filter((row) => Object.entries(wanted).every(([name, value]) => row[name] === value));
  if (found.length !== 1) throw new Error(`${found.length} rows with ${JSON.stringify(wanted)}`);
  return found[0] as ResultRow;
}

type Rest = Omit<ExperimentRequestInput, "model" | "data" | "prepend_bos">;

/** Over the fixture's texts, with the BOS that they begin with. */
function ofTexts(name: string, rest: Rest, check: (figures: Figures, rows: readonly ResultRow[]) => void): FigureCheck {
  return {
    name,
    request: (model, texts) =>
      ({ ...rest, model, data: { tokens: texts.map((text) => [...text]) }, prepend_bos: true }) as ExperimentRequestInput,
    check: async (figures, tables) => check(figures, await tables("result")),
  };
}

function census(weights: "raw" | "folded"): FigureCheck {
  return {
    name: `neuron-census, ${weights}: figure 6 right`,
    request: (model) => ({ kind: "neuron-census", model, settings: { weights } }),
    async check(figures, tables) {
      const [rows, neurons] = [await tables("result"), await tables("neurons")];
      const gated = rows.some(({ statistic }) => statistic === "prediction_or_suppression_count");
      for (const [layer, expected] of figures[`neuron_census.${weights}`].entries()) {
        const at = (statistic: string) => rowOf(rows, { layer, statistic }).mean;
        const { prediction, suppression, partition } = expected;
        if (gated) expect(at("prediction_or_suppression_count")).toBe(prediction + suppression);
        else expect([at("prediction_count"), at("suppression_count")]).toEqual([prediction, suppression]);
        expect(at("partition_count")).toBe(partition);
        const own = neurons.filter((row) => row.layer === layer);
        for (const statistic of ["kurtosis", "variance", ...(gated ? [] : (["skew"] as const))] as const) {
          near(at(statistic), expected[statistic].mean);
          for (const [neuron, value] of expected[statistic].first.entries()) near(own[neuron]?.[statistic], value);
        }
        if (!gated) continue;
        for (const [neuron, value] of expected.skew.first.entries()) near(own[neuron]?.absolute_skew, Math.abs(value));
      }
    },
  };
}

function lens(name: "standard" | "frozen-norm", of: "logit_lens" | "frozen_norm_lens"): FigureCheck {
  return ofTexts(
    `logit-lens, ${name}: figures 6 left and 8`,
    { kind: "logit-lens", settings: { lens: name } },
    (figures, rows) => {
      for (const [row, { kl_final_nats, entropy_bits }] of figures[of].entries()) {
        near(rowOf(rows, { layer: row - 1, statistic: "kl_final_nats" }).mean, kl_final_nats);
        near(rowOf(rows, { layer: row - 1, statistic: "entropy_bits" }).mean, entropy_bits);
      }
    },
  );
}

/** Every figure of `test/fixtures/reference/*.json`. */
export const FIGURE_CHECKS: readonly FigureCheck[] = [
  ofTexts("layer-interventions: figure 3 with its deviations and errors", { kind: "layer-interventions" }, (figures, rows) => {
    for (const [variant, statistics] of Object.entries(figures.layer_interventions)) {
      const [operation = "", layer] = variant.split(".");
      for (const [statistic, expected] of Object.entries(statistics))
        for (const [column, value] of Object.entries(expected))
          near(rowOf(rows, { operation, layer: Number(layer), statistic })[column], value);
    }
  }),
  ofTexts("attention-locality: figure 4, every layer, head and k", { kind: "attention-locality" }, (figures, rows) => {
    for (const [k, tables] of Object.entries(figures.attention_locality))
      for (const [statistic, layers] of Object.entries(tables))
        for (const [layer, heads] of layers.entries())
          for (const [head, expected] of heads.entries())
            near(rowOf(rows, { layer, head, k: Number(k), statistic }).mean, expected);
  }),
  ofTexts("component-norms: figures 5 and 7", { kind: "component-norms" }, (figures, rows) => {
    for (const [layer, { attn_out, mlp_out, resid_post, ...ratios }] of figures.component_norms.entries()) {
      const norms = { attn_out_norm: attn_out, mlp_out_norm: mlp_out, resid_post_norm: resid_post };
      for (const [statistic, expected] of Object.entries({ ...norms, ...ratios }))
        near(rowOf(rows, { layer, statistic }).mean, expected);
    }
  }),
  lens("standard", "logit_lens"),
  lens("frozen-norm", "frozen_norm_lens"),
  ofTexts("cka: all layers against each other", { kind: "cka" }, (figures, rows) => {
    for (const [a, others] of figures.cka.entries())
      for (const [b, expected] of others.entries())
        near(rowOf(rows, { layer: a - 1, other_layer: b - 1, statistic: "cka" }).mean, expected);
  }),
  ofTexts("layer-importance: block influence and angular distance", { kind: "layer-importance" }, (figures, rows) => {
    for (const [statistic, layers] of Object.entries(figures.layer_importance))
      for (const [layer, expected] of layers.entries())
        near(rowOf(rows, { layer, n: 1, component: "block", statistic }).mean, expected);
  }),
  census("raw"),
  census("folded"),
];
