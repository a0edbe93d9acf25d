/** Block influence and angular distances, against the independent implementation's figures and tensors. */
import { afterAll, describe, expect, it } from "vitest";
import { meanOf, openLaboratory, rowsWith } from "../../support/experiments.ts";
import { CHECKPOINTS, FIXTURES, readFixture } from "../../support/fixtures.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

const PARALLEL = new Set<string>(["pythia", "phi"]);

function near(actual: number, expected: number): void {
  expect(Math.abs(actual - expected), `${actual} and ${expected}`).toBeLessThanOrEqual(1e-4 * Math.abs(expected));
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a)) / Math.sqrt(dot(b, b));
}

const angle = (a: Float32Array, b: Float32Array) => Math.acos(cosine(a, b)) / Math.PI;
const add = (a: Float32Array, b: Float32Array) => a.map((value, i) => value + (b[i] as number));

describe.each(FIXTURES)("%s", (model) => {
  const { figures, texts, reference } = readFixture(model);
  const common = { kind: "layer-importance", model, prepend_bos: true } as const;
  const nLayers = figures.layer_importance.block_influence.length;

  it("of single blocks has the reference's figures", async () => {
    const result = await laboratory.run({ ...common, data: { tokens: texts.map((text) => [...text]) } });
    for (const statistic of ["block_influence", "angular_distance"] as const)
      for (const [layer, expected] of figures.layer_importance[statistic].entries())
        near(meanOf(result, { layer, n: 1, component: "block", statistic }), expected);
    expect(rowsWith(result, { layer: 0, n: 1, component: "block", statistic: "block_influence" })).toMatchObject([
      { count: 5 * 23 },
    ]);
    expect(rowsWith(result, { layer: 0, n: 1, component: "block", statistic: "angular_distance" })).toMatchObject([{ count: 5 }]);
  });

  it("of n blocks, and of attention and MLP alone, is what the reference's tensors give", async () => {
    const result = await laboratory.run({ ...common, data: { tokens: [[...(texts[0] as number[])]] } });
    const d = reference.values("resid_final").length / 24;
    const at = (name: string, position: number) => reference.values(name).subarray(position * d, (position + 1) * d);
    const stream = (layer: number) => (layer === nLayers ? "resid_final" : `resid_pre.${layer}`);
    const expected = [];
    for (let n = 1; n <= nLayers; n++)
      for (let layer = 0; layer + n <= nLayers; layer++) {
        const key = { layer, n, component: "block" };
        expected.push({ ...key, statistic: "angular_distance", value: angle(at(stream(layer), 23), at(stream(layer + n), 23)) });
        if (n === 1) {
          const cosines = Array.from({ length: 23 }, (_, i) => cosine(at(stream(layer), i + 1), at(stream(layer + 1), i + 1)));
          expected.push({ ...key, statistic: "block_influence", value: 1 - cosines.reduce((sum, x) => sum + x, 0) / 23 });
        }
      }
    for (const component of ["attn", "mlp"])
      for (let layer = 0; layer < nLayers; layer++) {
        const from = (position: number) => {
          const before = at(stream(layer), position);
          return component === "attn" || PARALLEL.has(model) ? before : add(before, at(`attn_out.${layer}`, position));
        };
        const to = (position: number) => add(from(position), at(`${component}_out.${layer}`, position));
        const cosines = Array.from({ length: 23 }, (_, i) => cosine(from(i + 1), to(i + 1)));
        const key = { layer, n: 1, component };
        expected.push({ ...key, statistic: "angular_distance", value: angle(from(23), to(23)) });
        expected.push({ ...key, statistic: "block_influence", value: 1 - cosines.reduce((sum, x) => sum + x, 0) / 23 });
      }
    for (const { value, ...key } of expected) near(meanOf(result, key), value);
    expect(result.table.rows).toHaveLength(expected.length);
  });
});
