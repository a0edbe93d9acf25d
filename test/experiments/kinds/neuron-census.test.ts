/** Figure 6 (right): the reference's numbers, the laws, and neurons of every class planted in the weights. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ExperimentRequestInput } from "../../../src/schemas/experiments/request.ts";
import { writeRandom } from "../../support/checkpoint.ts";
import { meanOf, openLaboratory, refusalOf, rowsWith } from "../../support/experiments.ts";
import { CHECKPOINTS, FIXTURES, readFixture } from "../../support/fixtures.ts";
import { type Plant, plant } from "../../support/plant.ts";

/** Relative 1e-4; of what is nearly 0, an absolute 1e-6. */
function near(actual: number, expected: number): void {
  expect(Math.abs(actual - expected), `${actual} and ${expected}`).toBeLessThanOrEqual(1e-4 * Math.abs(expected) + 1e-6);
}

describe("neuron-census of the fixtures", () => {
  const laboratory = openLaboratory(CHECKPOINTS);
  afterAll(() => laboratory.close());

  it.each(FIXTURES.flatMap((model) => (["raw", "folded"] as const).map((weights) => ({ model, weights }))))(
    "$model, $weights",
    async ({ model, weights }) => {
      const request: ExperimentRequestInput = { kind: "neuron-census", model, settings: { weights } };
      const result = await laboratory.run(request);
      const neurons = await laboratory.table(request, "neurons");
      const gated = result.summary.signs === "unknown";
      expect(gated).toBe(model === "llama" || model === "qwen2");
      for (const [layer, expected] of readFixture(model).figures[`neuron_census.${weights}`].entries()) {
        const at = (statistic: string) => meanOf(result, { layer, statistic });
        const { prediction, suppression, partition } = expected;
        const { d_mlp } = result.model;
        if (gated) expect(at("prediction_or_suppression_count")).toBe(prediction + suppression);
        else expect([at("prediction_count"), at("suppression_count")]).toEqual([prediction, suppression]);
        expect(at("partition_count")).toBe(partition);
        expect(at("partition_share")).toBe(partition / d_mlp);
        const own = neurons.filter((row) => row.layer === layer);
        expect(own).toHaveLength(d_mlp);
        for (const statistic of ["kurtosis", "variance", ...(gated ? [] : (["skew"] as const))] as const) {
          near(at(statistic), expected[statistic].mean);
          for (const [neuron, value] of expected[statistic].first.entries()) near(own[neuron]?.[statistic] as number, value);
          expect(rowsWith(result, { layer, statistic })[0]).toMatchObject({ sem: null, count: d_mlp });
        }
        if (!gated) continue;
        for (const [neuron, value] of expected.skew.first.entries()) near(own[neuron]?.absolute_skew as number, Math.abs(value));
        near(at("absolute_skew"), own.reduce((sum, neuron) => sum + (neuron.absolute_skew as number), 0) / d_mlp);
        expect(rowsWith(result, { layer, statistic: "skew" })).toEqual([]);
      }
    },
  );

  it("refuses texts for a model without gates, with the reason", async () => {
    const request: ExperimentRequestInput = { kind: "neuron-census", model: "gpt2", data: { texts: ["one two"] } };
    expect(await refusalOf(laboratory, request)).toMatchObject({
      code: "invalid_request",
      errors: [
        {
          pointer: "/data",
          detail: "the census of gpt2 takes no texts: its MLPs have no gates, so the signs of its neurons are in the weights",
        },
      ],
    });
  });

  it("refuses more texts than signs are measured on, with both numbers", async () => {
    const text = "one two three ".repeat(60);
    const request: ExperimentRequestInput = { kind: "neuron-census", model: "llama", data: { texts: Array(600).fill(text) } };
    expect((await refusalOf(laboratory, request)).detail).toBe(
      "600 texts of 76800 tokens in all are more than the signs of neurons are measured on, 65536 tokens",
    );
  });
});

describe("neuron-census of planted weights", () => {
  const models = mkdtempSync(join(tmpdir(), "stratascope-census-"));
  const [D, V, MLP] = [96, 320, 32];
  const sizes = { nLayers: 2, dModel: D, nHeads: 4, dMlp: MLP, vocabSize: V, init: "calm" } as const;
  /** Half of the vocabulary is on either side of the first number. */
  const halves: Plant = (values) => {
    for (let id = 0; id < V; id++) values[id * D] = id % 2 === 0 ? 0.08 : -0.08;
  };
  /** A token's row without its first number, times a sign. */
  const along = (embedding: Float32Array, id: number, sign: number) =>
    Float32Array.from({ length: D }, (_, i) => (i === 0 ? 0 : sign * (embedding[id * D + i] as number)));
  const first = Float32Array.from({ length: D }, (_, i) => (i === 0 ? 1 : 0));

  /** Neurons 3 and 5 of layer 1 speak for and against a token, neuron 7 parts the vocabulary. */
  function plantGpt2(folder: string) {
    let embedding: Float32Array = new Float32Array();
    plant(folder, {
      "transformer.wte.weight": (values, shape) => {
        halves(values, shape);
        embedding = values;
      },
      "transformer.h.1.mlp.c_proj.weight": (values) => {
        values.set(along(embedding, 11, 1), 3 * D);
        values.set(along(embedding, 12, -1), 5 * D);
        values.set(first, 7 * D);
      },
    });
  }
  writeRandom(join(models, "gpt2"), "gpt2", sizes);
  plantGpt2(join(models, "gpt2"));

  const column = (values: Float32Array, neuron: number, change: (value: number, i: number) => number) => {
    for (let i = 0; i < D; i++) values[i * MLP + neuron] = change(values[i * MLP + neuron] as number, i);
  };
  const row = (values: Float32Array, neuron: number, change: (value: number, i: number) => number) => {
    for (let i = 0; i < D; i++) values[neuron * D + i] = change(values[neuron * D + i] as number, i);
  };
  /** The same neurons of a gated model; whether active neurons are positive is for the texts to say. */
  function writeLlama(name: string, more: Readonly<Record<string, Plant>> = {}) {
    writeRandom(join(models, name), "llama", { ...sizes, kvHeads: 2, config: { tie_word_embeddings: true } });
    let embedding: Float32Array = new Float32Array();
    plant(join(models, name), {
      "model.embed_tokens.weight": (values, shape) => {
        halves(values, shape);
        embedding = values;
      },
      "model.layers.1.mlp.down_proj.weight": (values) => {
        column(values, 3, (_, i) => along(embedding, 11, 1)[i] as number);
        column(values, 5, (_, i) => along(embedding, 12, -1)[i] as number);
      },
    });
    plant(join(models, name), more);
  }
  const NEGATED = [3, 8];
  writeLlama("llama");
  writeLlama("negated", {
    "model.layers.1.mlp.up_proj.weight": (values) => {
      for (const neuron of NEGATED) row(values, neuron, (x) => -x);
    },
    "model.layers.1.mlp.down_proj.weight": (values) => {
      for (const neuron of NEGATED) column(values, neuron, (x) => -x);
    },
  });
  writeLlama("silent", {
    "model.layers.1.mlp.up_proj.weight": (values) => {
      row(values, 3, () => 0);
      row(values, 0, (x) => 2 * x); // among the bytes that tell checkpoints apart
    },
  });
  writeLlama("swapped");
  swapLayers(join(models, "swapped"), (layer) => `model.layers.${layer}.mlp.down_proj.weight`);
  writeLlama("centred", {
    "model.norm.weight": (values) => values.fill(1),
    "model.embed_tokens.weight": (values) => {
      for (let i = 0; i < D; i++) {
        let mean = 0;
        for (let id = 0; id < V; id++) mean += (values[id * D + i] as number) / V;
        for (let id = 0; id < V; id++) values[id * D + i] = (values[id * D + i] as number) - mean;
      }
    },
  });

  const laboratory = openLaboratory(models);
  afterAll(() => laboratory.close());
  const request = (model: string, more: Partial<ExperimentRequestInput> = {}) =>
    ({ kind: "neuron-census", model, settings: { variance_above: 0.05 }, ...more }) as ExperimentRequestInput;
  const texts = { texts: ["one two three and four", "the two in it that"] };

  it.each(["raw", "folded"] as const)("finds one neuron of each class, %s", async (weights) => {
    const asked = request("gpt2", { settings: { weights, variance_above: 0.05 } });
    const result = await laboratory.run(asked);
    expect(result.summary).toEqual({
      weights,
      signs: "stored",
      prediction_count_by_layer: [0, 1],
      suppression_count_by_layer: [0, 1],
      partition_count_by_layer: [0, 1],
      variance_of_a_random_direction: 1 / D,
    });
    expect(meanOf(result, { layer: 1, statistic: "prediction_share" })).toBe(1 / MLP);
    const classed = (await laboratory.table(asked, "neurons")).filter((each) => each.class !== null || each.partition);
    expect(classed.map(({ layer, neuron, class: of, partition }) => [layer, neuron, of, partition])).toEqual([
      [1, 3, "prediction", false],
      [1, 5, "suppression", false],
      [1, 7, null, true],
    ]);
  });

  it("counts a gated model's prediction and suppression together, and with texts by the sign of their activation", async () => {
    const without = await laboratory.run(request("llama"));
    expect(without.summary).toMatchObject({ signs: "unknown", prediction_or_suppression_count_by_layer: [0, 2] });
    expect(without.summary).not.toHaveProperty("prediction_count_by_layer");
    const asked = request("llama", { data: texts });
    const measured = await laboratory.run(asked);
    expect(measured.summary.signs).toBe("measured");
    const neurons = await laboratory.table(asked, "neurons");
    expect(measured.data?.texts).toBe(2);
    const classed = neurons.filter((each) => each.class !== null);
    expect(classed).toHaveLength(2);
    for (const neuron of classed) expect(neuron.class).toBe((neuron.skew as number) > 0 ? "prediction" : "suppression");
    for (const { mean_activation } of neurons) expect(mean_activation as number).toBeGreaterThan(0);
  });

  it("negating gated neurons changes nothing that is reported, with or without texts", async () => {
    for (const more of [{}, { data: texts }]) {
      const [plain, negated] = [await laboratory.run(request("llama", more)), await laboratory.run(request("negated", more))];
      expect(negated.table).toEqual(plain.table);
      expect(negated.summary).toEqual(plain.summary);
      const [a, b] = await Promise.all(["llama", "negated"].map((model) => laboratory.table(request(model, more), "neurons")));
      expect(a).toHaveLength(2 * MLP);
      expect(b).toEqual(a);
    }
  });

  it("a neuron that was never active has no sign: no skew and no class", async () => {
    const asked = request("silent", { data: texts });
    const neurons = (await laboratory.table(asked, "neurons")).filter(({ layer }) => layer === 1);
    expect(neurons[3]).toMatchObject({ skew: null, class: null, mean_activation: 0 });
    expect(neurons[3]?.kurtosis as number).toBeGreaterThan(10);
    const result = await laboratory.run(asked);
    expect(rowsWith(result, { layer: 1, statistic: "skew" })[0]).toMatchObject({ count: MLP - 1 });
  });

  it("of permuted layers is permuted", async () => {
    const plain = await laboratory.table(request("llama"), "neurons");
    const swapped = await laboratory.table(request("swapped"), "neurons");
    expect(swapped.map((each) => ({ ...each, layer: 1 - (each.layer as number) }))).toEqual([
      ...plain.filter(({ layer }) => layer === 1),
      ...plain.filter(({ layer }) => layer === 0),
    ]);
  });

  it("raw is folded where the norm scales nothing and the unembedding is centred", async () => {
    const of = (weights: "raw" | "folded") => laboratory.run(request("centred", { settings: { weights } }));
    const [raw, folded] = [await of("raw"), await of("folded")];
    for (const [i, each] of raw.table.rows.entries()) near(each.mean as number, folded.table.rows[i]?.mean as number);
  });

  it("gives the same bits again", async () => {
    const asked = request("llama", { data: texts });
    expect(await laboratory.outputs(asked)).toEqual(await laboratory.outputs(asked));
  });
});

/** Exchanges a tensor of layers 0 and 1. */
function swapLayers(folder: string, name: (layer: number) => string): void {
  const found = new Map<number, Float32Array>();
  for (const layer of [0, 1])
    plant(folder, {
      [name(layer)]: (values) => {
        found.set(layer, values.slice());
      },
    });
  for (const layer of [0, 1]) plant(folder, { [name(layer)]: (values) => values.set(found.get(1 - layer) as Float32Array) });
}
