/** A census in float32, of as many tokens as real models have, against float64 over the same numbers. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { countsInDouble } from "../../src/engine/census/layer-census.ts";
import type { CensusRows } from "../../src/engine/protocol.ts";
import { Problem } from "../../src/problem.ts";
import { writeRandom } from "../support/checkpoint.ts";
import { loadForTest, type TestModel } from "../support/engine.ts";
import { plant } from "../support/plant.ts";

const [V, D, MLP] = [262_144, 32, 264];
/** Neurons that are checked: some at random, one along a token, one against, one along what all rows have in common. */
const [ALONG, AGAINST, COMMON] = [3, 5, 7];
const CHECKED = [0, ALONG, AGAINST, COMMON, 100, MLP - 1];
const folder = mkdtempSync(join(tmpdir(), "stratascope-census-"));
let unembed = new Float32Array();
let down = new Float32Array();
let gamma = new Float32Array();
let model: TestModel;

beforeAll(async () => {
  writeRandom(folder, "llama", {
    ...{ nLayers: 1, dModel: D, nHeads: 2, kvHeads: 2, dMlp: MLP, vocabSize: V, init: "calm" },
    config: { tie_word_embeddings: true },
  });
  // Rows of many lengths, and a part that all have in common, three times as large as what they differ by.
  const common = Float32Array.from({ length: D }, (_, i) => 0.06 * Math.sign(Math.sin(1 + i * i)));
  plant(folder, {
    "model.embed_tokens.weight": (values) => {
      for (let i = 0; i < values.length; i++) {
        const scale = 0.5 + ((Math.floor(i / D) * 7919) % 1000) / 700;
        values[i] = (values[i] as number) * scale + (common[i % D] as number);
      }
      unembed = values.slice();
    },
    "model.layers.0.mlp.down_proj.weight": (values) => {
      for (let i = 0; i < D; i++) {
        values[i * MLP + ALONG] = (unembed[1100 * D + i] as number) - (common[i] as number);
        values[i * MLP + AGAINST] = (common[i] as number) - (unembed[1200 * D + i] as number);
        values[i * MLP + COMMON] = common[i] as number;
      }
      down = values.slice();
    },
    "model.norm.weight": (values) => {
      gamma = values.slice();
    },
  });
  model = await loadForTest(folder, "mapped", "folded");
});
afterAll(() => model.close());

/** Variance, skew and kurtosis of one neuron's cosines, in float64 by their definitions. */
function truth(neuron: number, weights: "raw" | "folded") {
  const means = new Float64Array(D);
  for (let i = 0; i < unembed.length; i++) means[i % D] = (means[i % D] as number) + (unembed[i] as number) / V;
  const folded = (at: number) => ((unembed[at] as number) - (means[at % D] as number)) * (gamma[at % D] as number);
  const row = (at: number) => (weights === "folded" ? folded(at) : (unembed[at] as number));
  const w = Float64Array.from({ length: D }, (_, i) => down[i * MLP + neuron] as number);
  const norm = Math.hypot(...w);
  const cosines = Float64Array.from({ length: V }, (_, v) => {
    let [product, square] = [0, 0];
    for (let i = 0; i < D; i++) {
      const value = row(v * D + i);
      product += value * (w[i] as number);
      square += value * value;
    }
    return product / (norm * Math.sqrt(square));
  });
  const mean = cosines.reduce((sum, c) => sum + c, 0) / V;
  const moment = (k: number) => cosines.reduce((sum, c) => sum + (c - mean) ** k, 0) / V;
  const variance = moment(2);
  return { variance, skew: moment(3) / variance ** 1.5, kurtosis: moment(4) / variance ** 2 };
}

test.each(["raw", "folded"] as const)("262 144 tokens: within 1e-6 of float64, %s", async (weights) => {
  expect(countsInDouble(model.spec)).toBe(false);
  const rows = await new Promise<CensusRows>((resolve, reject) => {
    model.census.add({ id: weights, model: "test", layer: 0, weights }, (outcome) =>
      outcome instanceof Problem ? reject(outcome) : resolve(outcome),
    );
    void (async () => {
      while (model.census.hasWork) await model.census.step();
    })();
  });
  for (const neuron of CHECKED) {
    const expected = truth(neuron, weights);
    const off = (name: keyof typeof expected) => Math.abs((rows[name][neuron] as number) - expected[name]);
    expect(off("variance") / expected.variance, `variance of ${neuron}`).toBeLessThan(1e-6);
    expect(off("kurtosis") / expected.kurtosis, `kurtosis of ${neuron}`).toBeLessThan(1e-6);
    expect(off("skew"), `skew of ${neuron}`).toBeLessThan(1e-6);
  }
});
