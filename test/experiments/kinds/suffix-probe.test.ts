/** Figure 10: a neuron planted in the weights is found, alone and first of the ensembles. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { suffixTokens } from "../../../src/experiments/kinds/suffix-examples.ts";
import { SuffixFold } from "../../../src/experiments/kinds/suffix-fold.ts";
import { unpack } from "../../../src/experiments/pack.ts";
import type { ExperimentRequestInput } from "../../../src/schemas/experiments/request.ts";
import { openTokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { writeRandom } from "../../support/checkpoint.ts";
import { meanOf, openLaboratory, refusalOf, rowsWith } from "../../support/experiments.ts";
import { type Plant, plant } from "../../support/plant.ts";

const [D, V, MLP] = [96, 320, 24];
const PLANTED = { layer: 1, neuron: 7 } as const;
const models = mkdtempSync(join(tmpdir(), "stratascope-suffix-"));
const sizes = { nLayers: 2, dModel: D, nHeads: 4, dMlp: MLP, vocabSize: V, contextLength: 32, init: "calm" } as const;
writeRandom(join(models, "planted"), "gpt2", sizes);
writeRandom(join(models, "gated"), "llama", { ...sizes, kvHeads: 2, config: { tie_word_embeddings: true } });

const tokenizer = await openTokenizer(join(models, "planted"));
/** What "e" is put to in the texts: "toe", "ine", "ite". */
const STEMS = [" to", " in", " it"];
const ENDING = suffixTokens(tokenizer, V, "e");

/** The second number of the stream says whether the token is a stem, the third whether it ends in "e". */
const marked: { embedding: Float32Array; plant: Plant } = {
  embedding: new Float32Array(),
  plant: (values) => {
    for (let id = 0; id < V; id++) {
      values[id * D + 1] = STEMS.includes(tokenizer.text(id)) ? 1 : 0;
      values[id * D + 2] = ENDING.includes(id) ? 0.5 : 0;
    }
    marked.embedding = values.slice();
  },
};
/** The planted neuron's output weights: towards the tokens that end in "e". [d] */
const TOWARDS = Float32Array.from({ length: D }, (_, i) => (i === 2 ? 3 : 0));
plant(join(models, "planted"), {
  "transformer.wte.weight": marked.plant,
  "transformer.h.1.ln_2.weight": (values) => values.fill(1),
  "transformer.h.1.ln_2.bias": (values) => values.fill(0),
  "transformer.h.1.mlp.c_fc.weight": (values) => {
    for (let i = 0; i < D; i++) values[i * MLP + PLANTED.neuron] = i === 1 ? 1 : 0;
  },
  "transformer.h.1.mlp.c_fc.bias": (values) => {
    values[PLANTED.neuron] = -4;
  },
  "transformer.h.1.mlp.c_proj.weight": (values) => values.set(TOWARDS, PLANTED.neuron * D),
});

const FILLERS = ["two", "and", "four", "that", "no"];
const TEXTS = Array.from({ length: 25 }, (_, text) =>
  Array.from({ length: 36 }, (_, i) => {
    const stem = (STEMS[(i * 7 + text) % 3] as string).trim();
    if (i % 4 !== 3) return FILLERS[(i * i + text * 3 + i) % FILLERS.length];
    return (i + 4 * text) % 8 === 3 ? `${stem}e` : stem;
  }).join(" "),
);
const REQUEST: ExperimentRequestInput = {
  kind: "suffix-probe",
  model: "planted",
  data: { texts: TEXTS },
  settings: { suffix: "e", context_tokens: 8, kurtosis_above: 0, top: 4 },
};

const laboratory = openLaboratory(models);
afterAll(() => laboratory.close());

describe("suffix-probe", () => {
  it("finds the planted neuron: alone, first of the ensembles, and in the model's own decisions", async () => {
    const result = await laboratory.run(REQUEST);
    const { train, test } = result.summary.examples as { train: number; test: number };
    expect(result.summary).toMatchObject({
      suffix: "e",
      suffix_tokens: ENDING.length,
      candidates: { prediction: expect.any(Number), suppression: expect.any(Number) },
      model_accuracy: 1,
      best_neuron: { prediction: { ...PLANTED, accuracy: 1 } },
      ensemble: { prediction: { k: 4, accuracy: 1 }, suppression: { k: 4 }, both: { k: 4, accuracy: 1 } },
    });
    const alone = { population: "prediction", k: null, ...PLANTED };
    expect(rowsWith(result, { ...alone, statistic: "accuracy" })).toEqual([
      { ...alone, statistic: "accuracy", mean: 1, std: 0, sem: 0, count: 2 * test },
    ]);
    expect(meanOf(result, { ...alone, statistic: "train_accuracy" })).toBe(1);
    expect(rowsWith(result, { population: "model", statistic: "train_accuracy" })[0]).toMatchObject({
      mean: 1,
      count: 2 * train,
    });
    const effects = rowsWith(result, { population: "prediction", statistic: "effect" });
    expect(effects).toHaveLength(4);
    expect(effects[0]).toMatchObject(PLANTED);
    const sizes = effects.map(({ mean }) => Math.abs(mean as number));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    for (const population of ["prediction", "suppression", "both"])
      expect(rowsWith(result, { population, layer: null, statistic: "accuracy" }).map(({ k }) => k)).toEqual([1, 2, 3, 4]);
    expect(meanOf(result, { population: "both", k: 1, statistic: "accuracy" })).toBe(1);
  });

  it("its activations are those of the neurons, its effects those of the weights", async () => {
    const { inputs } = await laboratory.plan(REQUEST);
    const outputs = await laboratory.outputs(REQUEST);
    const raw = await laboratory.outputs({ ...REQUEST, settings: { ...REQUEST.settings, weights: "raw" } });
    type Output = { chosen: { layer: number; neuron: number; effect: number }[]; activations: Float32Array };
    const { examples } = unpack<{ input: { examples: { label: number }[] } }>(inputs[0] as Uint8Array).input;
    const { chosen, activations } = unpack<Output>(outputs[0] as Uint8Array);
    const planted = chosen.findIndex(({ layer, neuron }) => layer === PLANTED.layer && neuron === PLANTED.neuron);
    // GELU of about 9 − 4, 9 being the marked number after the norm; and of about −4.
    for (const [i, { label }] of examples.entries())
      if (label === 1) expect(activations[i * chosen.length + planted]).toBeGreaterThan(4);
      else expect(Math.abs(activations[i * chosen.length + planted] as number)).toBeLessThan(0.01);
    const mean = (ids: readonly number[]) =>
      ids.reduce((sum, id) => sum + 3 * (marked.embedding[id * D + 2] as number), 0) / ids.length;
    const expected = mean(ENDING) - mean([...Array(V).keys()].filter((id) => !ENDING.includes(id)));
    const found = unpack<Output>(raw[0] as Uint8Array).chosen.find(({ neuron, layer }) => neuron === 7 && layer === 1);
    expect(expected).toBe(1.5);
    expect(found?.effect).toBeCloseTo(expected, 6);
  });

  it("without a candidate has the model's own decision alone", async () => {
    const result = await laboratory.run({ ...REQUEST, settings: { ...REQUEST.settings, kurtosis_above: 1000 } });
    expect(result.table.rows.map(({ population, statistic }) => `${population} ${statistic}`)).toEqual([
      "model accuracy",
      "model train_accuracy",
    ]);
    expect(result.summary).toMatchObject({
      candidates: { prediction: 0, suppression: 0, largest_kurtosis: expect.any(Number) },
      model_accuracy: 1,
      best_neuron: { prediction: null, suppression: null },
      ensemble: { prediction: null, suppression: null, both: null },
    });
  });

  it("a gated model's neurons have the sign of their activation", async () => {
    const request: ExperimentRequestInput = { ...REQUEST, model: "gated" };
    const { study } = await laboratory.plan(request);
    expect(study.notes.sign_texts).toBeDefined();
    const result = await laboratory.run(request);
    const { prediction, suppression } = result.summary.candidates as { prediction: number; suppression: number };
    expect(prediction + suppression).toBe(2 * MLP);
    expect(Math.min(prediction, suppression)).toBeGreaterThan(0);
  });

  it("does not depend on how examples are cut into chunks, and gives the same bits again", async () => {
    const { study, inputs } = await laboratory.plan(REQUEST);
    const outputs = await laboratory.outputs(REQUEST);
    expect(await laboratory.outputs(REQUEST)).toEqual(outputs);
    type Output = Parameters<SuffixFold["add"]>[0];
    type Input = Parameters<SuffixFold["add"]>[1];
    const [whole, apart] = [new SuffixFold(study as never), new SuffixFold(study as never)];
    for (const [i, bytes] of outputs.entries()) {
      const output = unpack<Output>(bytes);
      const { input } = unpack<{ input: Input }>(inputs[i] as Uint8Array);
      whole.add(output, input);
      const width = output.chosen.length;
      for (const [row, example] of input.examples.entries())
        apart.add(
          {
            ...output,
            activations: output.activations.slice(row * width, (row + 1) * width),
            model: output.model.slice(row, row + 1),
          },
          { examples: [example] },
        );
    }
    expect(await apart.finish()).toEqual(await whole.finish());
  });

  it("refuses too few examples, with both counts and the suffix", async () => {
    expect(
      await refusalOf(laboratory, { ...REQUEST, data: { texts: ["two and to four toe no it that", "two ite and two no"] } }),
    ).toMatchObject({
      code: "invalid_request",
      detail:
        'the texts have 0 positions whose next token ends a word in "e" and 1 whose next token is a word seen elsewhere with it, after 8 tokens of context; at least 20 of each are needed',
      errors: [{ pointer: "/data" }],
    });
    const any = { ...REQUEST.settings, suffix: "xyz", negatives: "any", positives: "whole" } as const;
    expect((await refusalOf(laboratory, { ...REQUEST, settings: any } as ExperimentRequestInput)).detail).toMatch(
      /^the texts have 0 positions whose next token is a word that ends in "xyz" and \d+ others, after 8 tokens of context; at least 20 of each are needed$/,
    );
  });

  it("refuses texts that cannot be split", async () => {
    expect((await refusalOf(laboratory, { ...REQUEST, data: { texts: [TEXTS.join(" ")] } })).detail).toMatch(
      /^the texts have \d+ positions .* of context; split by text, the training part has 0 of each and the held-out part 0, and each needs 4: they stand in too few texts, 1$/,
    );
  });

  it("refuses contexts that are too long, and more activations than are held", async () => {
    const many = {
      ...REQUEST,
      data: { texts: Array(110).fill(TEXTS).flat() },
      settings: { ...REQUEST.settings, top: 256, max_examples: 8200 },
    };
    expect((await refusalOf(laboratory, many as ExperimentRequestInput)).detail).toBe(
      "16400 examples of 512 neurons are 8396800 activations, more than the most allowed, 8388608",
    );
    const settings = { ...REQUEST.settings, context_tokens: 33 };
    expect((await refusalOf(laboratory, { ...REQUEST, settings } as ExperimentRequestInput)).detail).toBe(
      "33 tokens are more than the context of planted holds, 32",
    );
  });
});
