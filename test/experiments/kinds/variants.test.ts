/** Any variants over texts: against figure 3's own, against the reference's tensors, and token by token. */
import { afterAll, describe, expect, it, test } from "vitest";
import { momentsOf } from "../../../src/metrics/clustered-mean.ts";
import type { ExperimentRequestInput } from "../../../src/schemas/experiments/request.ts";
import type { Operation } from "../../../src/schemas/operations.ts";
import { meanOf, openLaboratory, refusalOf, rowsWith } from "../../support/experiments.ts";
import { CHECKPOINTS, FIXTURES, readFixture } from "../../support/fixtures.ts";
import { logSoftmax } from "../../support/reference.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

type Settings = NonNullable<ExperimentRequestInput["settings"]>;

describe.each(FIXTURES)("%s", (model) => {
  const { figures, texts, reference, vocabSize } = readFixture(model);
  const nLayers = figures.layer_importance.block_influence.length;
  const data = { tokens: texts.map((text) => [...text]) };
  const common = { model, data, prepend_bos: true } as const;

  it("deletions, swaps and their differences are those of layer-interventions, bit for bit", async () => {
    const deletions = Array.from(
      { length: nLayers },
      (_, i) => [`delete.${i}`, [{ op: "delete" as const, layers: [i] }]] as const,
    );
    const swaps = Array.from(
      { length: nLayers - 1 },
      (_, i) => [`swap.${i}`, [{ op: "swap" as const, layers: [i, i + 1] }]] as const,
    );
    const variants = Object.fromEntries([...deletions, ...swaps]);
    const pairs = swaps.map(([name], i): [string, string] => [name, `delete.${i}`]);
    const result = await laboratory.run({ ...common, kind: "variants", settings: { variants, pairs } });
    const expected = await laboratory.run({ ...common, kind: "layer-interventions" });
    expect(result.table.rows).toEqual(
      expected.table.rows.map(({ operation, layer, ...row }) => ({
        variant: operation === "swap_minus_delete" ? `swap.${layer}_minus_delete.${layer}` : `${operation}.${layer}`,
        ...row,
      })),
    );
  });

  it("scales, steering, heads, groups and exits: the reference's logits under each", async () => {
    const vector = [...reference.values("steer.vector")];
    const variants: Record<string, Operation[]> = {
      "mlp_half.1": [{ op: "ablate", component: "mlp", layers: [1], with: { scale: 0.5 }, positions: "all" }],
      "head_zero.1.0": [{ op: "ablate", component: "head", layers: [1], heads: [0], with: "zero", positions: "all" }],
      "steer.1": [{ op: "steer", layer: 1, vector, scale: 1, scale_by: "unit", positions: "all" }],
      "parallel.0-1": [{ op: "parallel", layers: [0, 1], times: 1 }],
      "exit.1": [{ op: "exit", after: 1 }],
    };
    const short = { tokens: texts.slice(0, 2).map((text) => text.slice(0, 12)) };
    const result = await laboratory.run({ ...common, data: short, kind: "variants", settings: { variants } });
    const at = (name: string, length: number, text: number, position: number) => {
      const row = (text * length + position) * vocabSize;
      return logSoftmax(reference.values(name).subarray(row, row + vocabSize));
    };
    for (const name of Object.keys(variants)) {
      let sum = 0;
      for (const text of [0, 1])
        for (let position = 1; position < 12; position++) {
          const p = at("logits", 24, text, position);
          const q = at(name, 12, text, position);
          sum += p.reduce((total, value, i) => total + Math.exp(value) * (value - (q[i] as number)), 0);
        }
      const actual = meanOf(result, { variant: name, statistic: "kl_nats", count: 22 });
      expect(Math.abs(actual - sum / 22), `${name}: ${actual} and ${sum / 22}`).toBeLessThanOrEqual(1e-4 * (sum / 22) + 1e-6);
    }
  });
});

describe("with what other texts give", () => {
  const { texts } = readFixture("gpt2");
  const common = { kind: "variants", model: "gpt2", data: { tokens: texts.slice(0, 3).map((text) => [...text]) } } as const;
  const source = { tokens: [...(texts[3] as number[])] };
  const run = (settings: Settings) => laboratory.run({ ...common, settings });

  it("patching a text's own values changes nothing; another prompt's last stream decides everything after it", async () => {
    const own = { tokens: [...(texts[0] as number[])] };
    const { table } = await laboratory.run({
      ...{ ...common, data: { tokens: [own.tokens] } },
      settings: {
        variants: {
          own: [{ op: "patch", component: "resid_pre", layers: [2], source: own }],
          other: [{ op: "patch", component: "resid_pre", layers: [2], source }],
          "other, later": [{ op: "patch", component: "resid_pre", layers: [3], source }],
        },
        pairs: [["other", "other, later"]],
      },
    });
    const of = (variant: string) => table.rows.filter((row) => row.variant === variant);
    expect(of("own").every(({ mean, statistic }) => mean === (statistic === "top1_agreement" ? 1 : 0))).toBe(true);
    expect(of("other")[0]?.mean).toBeGreaterThan(0.01);
    // Whatever runs after the patch runs on the source's stream: the layer makes no difference beyond rounding.
    for (const { mean } of of("other_minus_other, later")) expect(Math.abs(mean as number)).toBeLessThan(1e-5);
  });

  it("a mean in the place of a head is the mean over the texts named, as the same vector is that steers", async () => {
    const mean = { texts: ["The cat sat on the mat and looked.", "A dog ran past it."] };
    const ablated = (component: "attn" | "mlp") => [
      { op: "ablate" as const, component, layers: [4], with: { mean }, positions: "all" as const },
    ];
    const result = await run({ variants: { attn: ablated("attn"), mlp: ablated("mlp") } });
    const again = await run({ variants: { mlp: ablated("mlp"), attn: ablated("attn") } });
    for (const variant of ["attn", "mlp"]) expect(rowsWith(result, { variant })).toEqual(rowsWith(again, { variant }));
    expect(meanOf(result, { variant: "mlp", statistic: "kl_nats" })).toBeGreaterThan(1e-4);
    const { study } = await laboratory.plan({ ...common, settings: { variants: { attn: ablated("attn") } } });
    const kept = (study.notes as { means: { texts: { tokens: number[][]; tokensPerText: number | null } }[] }).means;
    expect(kept).toHaveLength(1);
    expect(kept[0]?.texts).toMatchObject({ tokensPerText: null });
    expect(kept[0]?.texts.tokens.map(([first]) => first)).toEqual([0, 0]);
  });

  it("variants in any number and order give the same rows each", async () => {
    const scale = (value: number) => [{ op: "ablate" as const, component: "mlp" as const, layers: [1], with: { scale: value } }];
    const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`s${i}`, scale(i / 70)]));
    const all = await run({ variants: many });
    expect(all.table.rows.map(({ variant }) => variant).filter((_, i) => i % 4 === 0)).toEqual(Object.keys(many));
    const few = await run({ variants: { s69: many.s69, s0: many.s0 } });
    for (const variant of ["s0", "s69"]) expect(rowsWith(few, { variant })).toEqual(rowsWith(all, { variant }));
  });
});

describe("a row per token", () => {
  const { texts } = readFixture("llama");
  const request = {
    ...{ kind: "variants", model: "llama", data: { tokens: texts.map((text) => [...text]) }, prepend_bos: true },
    settings: {
      variants: {
        gone: [{ op: "delete", layers: [1] }],
        half: [{ op: "ablate", component: "mlp", layers: [2], with: { scale: 0.5 } }],
      },
      per_token: true,
    },
  } as const satisfies ExperimentRequestInput;

  it("adds up to the means", async () => {
    const result = await laboratory.run(request);
    const rows = await laboratory.table(request, "tokens");
    expect(rows).toHaveLength(5 * 2 * 23);
    for (const variant of ["gone", "half"])
      for (const statistic of ["kl_nats", "top1_agreement", "entropy_change_bits", "loss_change_nats"]) {
        const values = rows.filter((row) => row.variant === variant).flatMap((row) => row[statistic] ?? []);
        const { mean, count } = momentsOf(values.map(Number));
        expect(count).toBe(statistic === "loss_change_nats" ? 5 * 22 : 5 * 23);
        expect(meanOf(result, { variant, statistic })).toBeCloseTo(mean, 6);
      }
  });

  it("names the text, the place and the token that stands there", async () => {
    const rows = await laboratory.table(request, "tokens");
    expect(rows[0]).toMatchObject({ text: 0, variant: "gone", position: 1, token_id: texts[0]?.[1] });
    const last = rows.at(-1);
    expect(last).toMatchObject({ text: 4, variant: "half", position: 23, token_id: texts[4]?.[23], loss_change_nats: null });
    expect(typeof last?.token).toBe("string");
  });

  it("is kept only where it was asked for, and is the same without", async () => {
    const { per_token: _, ...settings } = request.settings;
    const [without] = await laboratory.outputs({ ...request, settings });
    const [kept] = await laboratory.outputs(request);
    expect((kept?.length as number) - (without?.length as number)).toBeGreaterThan(5 * 2 * 23 * 16 - 100);
    expect((await laboratory.run({ ...request, settings })).table).toEqual((await laboratory.run(request)).table);
  });
});

describe("is refused", () => {
  const refused = (settings: Settings, more: object = {}) =>
    refusalOf(laboratory, { kind: "variants", model: "gpt2", data: { tokens: [[0, 5, 6, 7]] }, settings, ...more });
  const gone = [{ op: "delete" as const, layers: [1] }];

  test.each<[string, Settings, string, string]>([
    ["no variants", { variants: {} }, "/settings/variants", "an object of 0 variants is less than the least allowed, 1"],
    [
      "an unknown name in a pair",
      { variants: { gone }, pairs: [["gone", "other"]] },
      "/settings/pairs/0/1",
      'there is no variant "other"; there are gone',
    ],
    [
      "a variant less itself",
      { variants: { gone }, pairs: [["gone", "gone"]] },
      "/settings/pairs/0",
      "gone minus itself is nothing: name two variants",
    ],
    [
      "a pair named twice",
      {
        variants: { a: gone, b: gone },
        pairs: [
          ["a", "b"],
          ["a", "b"],
        ],
      },
      "/settings/pairs/1",
      "there is already a row named a_minus_b",
    ],
    [
      "a layer that is not there",
      { variants: { "a:b": [{ op: "delete", layers: [0, 9] }] } },
      "/settings/variants/a:b/0/layers/1",
      "layer 9 is out of range: gpt2 has 5 layers, so layers -5 to 4",
    ],
    [
      "a place beyond the texts",
      { variants: { a: [{ op: "steer", layer: 1, toward: 5, positions: [4] }] } },
      "/settings/variants/a/0/positions/0",
      "position 4 is out of range: the prompt has 4 tokens, so positions -4 to 3",
    ],
    [
      "a mean over a data set that is not there",
      { variants: { a: [{ op: "ablate", component: "mlp", layers: [1], with: { mean: { dataset: "none" } } }] } },
      "/settings/variants/a/0/with/mean/dataset",
      "there is no data set none",
    ],
  ])("%s", async (_, settings, pointer, detail) => {
    expect(await refused(settings)).toMatchObject({ detail, errors: [{ pointer, detail }] });
  });

  test("more rows per token than can be kept", async () => {
    const text = Array.from({ length: 60 }, (_, i) => i + 1);
    const variants = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`v${i}`, gone]));
    const data = { tokens: Array.from({ length: 300 }, () => text) };
    expect(await refused({ variants, per_token: true }, { data, prepend_bos: true })).toMatchObject({
      detail: "a row per token would be 18000000 rows (texts × variants × tokens), more than the most allowed, 16777216",
      errors: [{ pointer: "/settings/per_token" }],
    });
  });
});
