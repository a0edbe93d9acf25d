/**
 * A gated neuron's sign is arbitrary: with its up row and its down column both negated the model is the same, and so is all
 * that is reported of it, to the last bit.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExperimentRequestInput } from "../../../src/schemas/experiments/request.ts";
import { writeRandom } from "../../support/checkpoint.ts";
import { openLaboratory, rowsWith } from "../../support/experiments.ts";
import { type Plant, plant } from "../../support/plant.ts";

const [D, MLP, LAYERS] = [48, 40, 4];
const models = mkdtempSync(join(tmpdir(), "stratascope-twin-"));
const negated = (neuron: number) => neuron % 3 !== 1;

beforeAll(() => {
  for (const name of ["plain", "twin"])
    writeRandom(join(models, name), "llama", { nLayers: LAYERS, dModel: D, nHeads: 4, dMlp: MLP, vocabSize: 320, kvHeads: 2 });
  const turned = (neuronOf: (at: number) => number): Plant => {
    return (values) => {
      for (let at = 0; at < values.length; at++) if (negated(neuronOf(at))) values[at] = -(values[at] as number);
    };
  };
  for (let layer = 0; layer < LAYERS; layer++)
    plant(join(models, "twin"), {
      [`model.layers.${layer}.mlp.up_proj.weight`]: turned((at) => Math.floor(at / D)),
      [`model.layers.${layer}.mlp.down_proj.weight`]: turned((at) => at % MLP),
    });
});

const laboratory = openLaboratory(models);
afterAll(() => laboratory.close());

const STEMS = ["to", "in", "it"];
const FILLERS = ["two", "and", "four", "that", "no"];
const texts = Array.from({ length: 25 }, (_, text) =>
  Array.from({ length: 28 }, (_, i) => {
    const stem = STEMS[(i * 7 + text) % 3] as string;
    if (i % 4 !== 3) return FILLERS[(i * i + text * 3 + i) % FILLERS.length];
    return (i + 4 * text) % 8 === 3 ? `${stem}e` : stem;
  }).join(" "),
);
const suffix = { suffix: "e", context_tokens: 8, kurtosis_above: 0, top: 6 };
const few = { data: { texts: texts.slice(0, 3) }, tokens_per_text: 12 };
const census = { kurtosis_above: 3, variance_above: 0.02 };

type Asked = Omit<ExperimentRequestInput, "model">;
const ASKED: readonly (readonly [string, Asked])[] = [
  ["neuron-census, folded", { kind: "neuron-census", settings: census } as Asked],
  ["neuron-census, raw", { kind: "neuron-census", settings: { ...census, weights: "raw" } } as Asked],
  ["neuron-census, measured", { kind: "neuron-census", settings: census, ...few } as Asked],
  ["suffix-probe", { kind: "suffix-probe", settings: suffix, data: { texts } } as Asked],
  ["stages", { kind: "stages", settings: { k: 3, permutations: 100, resamples: 100, kurtosis_above: 3 }, ...few } as Asked],
  ["layer-interventions", { kind: "layer-interventions", ...few } as Asked],
  ["component-norms", { kind: "component-norms", ...few } as Asked],
];

describe("negating gated neurons changes nothing that is reported", () => {
  it.each(ASKED)("%s", async (_, asked) => {
    const of = (model: string) => ({ ...asked, model }) as ExperimentRequestInput;
    const [plain, twin] = [await laboratory.run(of("plain")), await laboratory.run(of("twin"))];
    expect(twin.model.revision).not.toBe(plain.model.revision);
    expect(plain.table.rows.length).toBeGreaterThan(0);
    expect(twin.table).toEqual(plain.table);
    expect(twin.summary).toEqual(plain.summary);
    if (asked.kind !== "neuron-census") return;
    const neurons = await laboratory.table(of("plain"), "neurons");
    expect(neurons).toHaveLength(LAYERS * MLP);
    expect(await laboratory.table(of("twin"), "neurons")).toEqual(neurons);
  });

  it("what is compared has neurons of both kinds, of which some were negated", async () => {
    const request = { kind: "neuron-census", model: "plain", settings: census, ...few } as ExperimentRequestInput;
    const neurons = await laboratory.table(request, "neurons");
    for (const direction of ["prediction", "suppression"]) {
      const found = neurons.filter((each) => each.class === direction);
      expect(found.some(({ neuron }) => negated(neuron as number))).toBe(true);
      for (const { skew } of found) expect(Math.sign(skew as number)).toBe(direction === "prediction" ? 1 : -1);
    }
    const probe = await laboratory.run({ kind: "suffix-probe", model: "plain", settings: suffix, data: { texts } });
    expect(rowsWith(probe, { statistic: "effect" }).some(({ neuron }) => negated(neuron as number))).toBe(true);
  });
});
