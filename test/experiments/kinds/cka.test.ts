/** CKA against the independent implementation, and how batches of texts are gathered. */
import { afterAll, describe, expect, it, test } from "vitest";
import { unpack } from "../../../src/experiments/pack.ts";
import type { StoredInput } from "../../../src/experiments/tally.ts";
import { HsicSums, hsicTerms } from "../../../src/metrics/similarity.ts";
import { meanOf, openLaboratory } from "../../support/experiments.ts";
import { CHECKPOINTS, FIXTURES, readFixture } from "../../support/fixtures.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

describe.each(FIXTURES)("%s", (model) => {
  const { figures, texts } = readFixture(model);

  it("has the reference's CKA between all layers", async () => {
    const data = { tokens: texts.map((text) => [...text]) };
    const result = await laboratory.run({ kind: "cka", model, data, prepend_bos: true });
    const rows = figures.cka.flatMap((row, a) => row.map((expected, b) => ({ layer: a - 1, other_layer: b - 1, expected })));
    expect(result.table.rows).toHaveLength(rows.length);
    for (const { expected, ...key } of rows) {
      const actual = meanOf(result, { ...key, statistic: "cka", count: 5, std: null, sem: null });
      expect(Math.abs(actual - expected), `${actual} and ${expected}`).toBeLessThanOrEqual(1e-4 * Math.abs(expected));
    }
  });
});

/** `count` texts of four tokens, all of them different. */
const someTexts = (count: number) =>
  Array.from({ length: count }, (_, i) => [0, 1 + (i % 200), 1 + ((7 * i) % 211), 1 + Math.floor(i / 2)]);

test("batches are 128 texts in the texts' order, whatever the chunks are; fewer than 4 texts left over are left out", async () => {
  const request = { kind: "cka", model: "gpt2-hub", data: { tokens: someTexts(131) }, prepend_bos: true } as const;
  const { study, inputs } = await laboratory.plan(request);
  const chunks = inputs.map((input) => unpack<StoredInput & { input: { texts: Int32Array[] } }>(input).input.texts.length);
  expect(chunks).toEqual([32, 32, 32, 32, 3]);
  const outputs = (await laboratory.outputs(request)).map((output) => unpack<{ residuals: Float32Array }>(output).residuals);
  const { nLayers, dModel: d } = study.model;
  const all = Float32Array.from(outputs.flatMap((each) => [...each]));
  const layers = Array.from({ length: nLayers + 1 }, (_, layer) =>
    Float32Array.from({ length: 128 * d }, (_, i) => all[(Math.floor(i / d) * (nLayers + 1) + layer) * d + (i % d)] as number),
  );
  const sums = new HsicSums();
  sums.addTerms(hsicTerms(layers, 128, d), nLayers + 1);
  const result = await laboratory.run(request);
  expect(result.table.rows.map(({ mean }) => mean)).toEqual(sums.finish().flat());
  expect(result.summary).toMatchObject({ texts: 128 });
});

test("three texts have no CKA", async () => {
  const result = await laboratory.run({ kind: "cka", model: "gpt2-hub", data: { tokens: someTexts(3) }, prepend_bos: true });
  expect(result.table.rows).toHaveLength(16);
  expect(result.table.rows.every(({ mean, count }) => mean === null && count === 0)).toBe(true);
});
