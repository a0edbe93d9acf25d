/** Heads put out one by one: each row is what the variant with that ablation gives. */
import { afterAll, describe, expect, it, test } from "vitest";
import type { ExperimentRequestInput } from "../../../src/schemas/experiments/request.ts";
import { meanOf, openLaboratory, refusalOf } from "../../support/experiments.ts";
import { CHECKPOINTS, FIXTURES, readFixture } from "../../support/fixtures.ts";
import { logSoftmax } from "../../support/reference.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

/** Without what only `variants` tells. */
const plain = <T extends object>(rows: readonly T[]) =>
  rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !/^q\d\d$/.test(name))));

describe.each(FIXTURES)("%s", (model) => {
  const { texts, reference, vocabSize } = readFixture(model);
  const common = { model, data: { tokens: texts.map((text) => [...text]) }, prepend_bos: true } as const;
  const nLayers = reference.names().filter((name) => name.startsWith("pattern.")).length;
  const nHeads = reference.shape("pattern.0")[1] as number;

  const ablations = (how: object | "zero") =>
    Object.fromEntries(
      Array.from({ length: nLayers * nHeads }, (_, i) => {
        const [layer, head] = [Math.floor(i / nHeads), i % nHeads];
        return [`h${layer}:${head}`, [{ op: "ablate", component: "head", layers: [layer], heads: [head], with: how }]];
      }),
    );

  it.each<[string, object | "zero"]>([
    ["zero", "zero"],
    ["their mean", { mean: { texts: ["The cat sat on the mat and looked.", "A dog ran past it."] } }],
  ])("every head at %s is that ablation, bit for bit", async (_, how) => {
    const result = await laboratory.run({ ...common, kind: "head-importance", settings: { with: how } });
    const expected = await laboratory.run({ ...common, kind: "variants", settings: { variants: ablations(how) } });
    expect(result.table.rows).toEqual(
      plain(expected.table.rows).map(({ variant, ...row }) => {
        const [layer, head] = (variant as string).slice(1).split(":").map(Number);
        return { layer, head, ...row };
      }),
    );
    expect(result.table.rows).toHaveLength(4 * nLayers * nHeads);
  });

  it("head 0 of layer 1 at zero has the reference's divergence", async () => {
    const data = { tokens: texts.slice(0, 2).map((text) => text.slice(0, 12)) };
    const result = await laboratory.run({ ...common, data, kind: "head-importance", settings: { layers: [1] } });
    const at = (name: string, length: number, text: number, position: number) => {
      const row = (text * length + position) * vocabSize;
      return logSoftmax(reference.values(name).subarray(row, row + vocabSize));
    };
    let sum = 0;
    for (const text of [0, 1])
      for (let position = 1; position < 12; position++) {
        const p = at("logits", 24, text, position);
        const q = at("head_zero.1.0", 12, text, position);
        sum += p.reduce((total, value, i) => total + Math.exp(value) * (value - (q[i] as number)), 0);
      }
    const actual = meanOf(result, { layer: 1, head: 0, statistic: "kl_nats", count: 22 });
    expect(Math.abs(actual - sum / 22)).toBeLessThanOrEqual(1e-4 * (sum / 22) + 1e-6);
    expect(new Set(result.table.rows.map(({ layer }) => layer))).toEqual(new Set([1]));
  });
});

test("the summary names the heads that matter most, the first one first", async () => {
  const { texts } = readFixture("gpt2");
  const request = { kind: "head-importance", model: "gpt2", data: { tokens: texts.map((text) => [...text]) } } as const;
  const { summary, table } = await laboratory.run({ ...request, settings: { layers: { from: 1, to: 2 } } });
  const divergences = table.rows.filter(({ statistic }) => statistic === "kl_nats").map(({ mean }) => mean as number);
  const named = summary.most_important as { layer: number; head: number; kl_nats: number }[];
  expect(named.map(({ kl_nats }) => kl_nats)).toEqual(divergences.sort((a, b) => b - a));
  expect(named).toHaveLength(8);
});

describe("is refused", () => {
  const refused = (settings: NonNullable<ExperimentRequestInput["settings"]>) =>
    refusalOf(laboratory, { kind: "head-importance", model: "gpt2", data: { tokens: [[0, 5, 6, 7]] }, settings });

  test.each([
    [{ layers: [1, 5] }, "/settings/layers/1", "layer 5 is out of range: gpt2 has 5 layers, so layers -5 to 4"],
    [{ layers: [1, 1] }, "/settings/layers/1", "layer 1 is named twice"],
    [{ with: { mean: { dataset: "none" } } }, "/settings/with/mean/dataset", "there is no data set none"],
    [
      { with: { mean: { texts: ["a"], tokens_per_text: 8 } } },
      "/settings/with/mean/texts/0",
      "the text has 2 tokens (BOS included), fewer than the 8 that are needed",
    ],
  ])("%j", async (settings, pointer, detail) => {
    expect(await refused(settings)).toMatchObject({ detail, errors: [{ pointer, detail }] });
  });
});
