/** What is said of planted numbers, both ways. */
import { describe, expect, it } from "vitest";
import type { ResultRow } from "../../src/experiments/result.ts";
import { deeperIsMoreRobust } from "../../src/report/claims/across.ts";
import { accuracy, heads, importance, similarity } from "../../src/report/claims/appendix.ts";
import { segmentationInWords } from "../../src/report/claims/segmentation.ts";
import { byLayer, claimOf, findingOf, modelOf, planted } from "./planted.ts";

const N = "\u202f";

/** Deletions and swaps of five layers. */
function interventions(kept: { delete: number[]; swap: number[] }, nats: number[], difference: ResultRow[] = []) {
  const rows = [
    ...byLayer("top1_agreement", kept.delete, { operation: "delete" }),
    ...byLayer("top1_agreement", kept.swap, { operation: "swap" }),
    ...byLayer("kl_nats", nats, { operation: "delete" }),
    ...difference,
  ];
  return modelOf({ "layer-interventions": planted("layer-interventions", rows, { layers: kept.delete.length }) });
}

describe("Robustness", () => {
  const kept = { delete: [0.01, 0.8, 0.9, 0.7, 0.5], swap: [0.02, 0.9, 0.94, 0.3] };
  const nats = [6, 0.1, 0.2, 0.3, 0.9];

  it("kept: the middle without the ends, its range and mean, and which layers are below", () => {
    const found = findingOf("kept", interventions(kept, nats));
    expect(found.verdict).toBe("shown");
    expect(found.sentence).toBe(
      `Deleting one middle layer keeps 70–90${N}% of the top predictions (80${N}% on average), swapping two neighbours 90–94${N}% (92${N}%). ` +
        "The paper reports 72–95 % over its models. Without layer\u00a03 it is less than 72 %.",
    );
  });

  it("kept: in part where only swaps do, not at all where neither does", () => {
    const less = (swap: number) => ({ delete: [0, 0.5, 0.6, 0.5, 0], swap: [0, swap, swap, 0] });
    expect(findingOf("kept", interventions(less(0.9), nats)).verdict).toBe("partly");
    expect(findingOf("kept", interventions(less(0.5), nats)).verdict).toBe("not-shown");
  });

  it("A model without a middle says nothing", () => {
    const two = interventions({ delete: [0.1, 0.2], swap: [0.1] }, [3, 2]);
    for (const id of ["kept", "first-layer", "last-layer"]) expect(claimOf(id).judge(two)).toBeNull();
    expect(claimOf("kept").judge(modelOf({}))).toBeNull();
  });

  it("first layer: a factor of the median; and who does more, where one does", () => {
    const found = findingOf("first-layer", interventions(kept, nats));
    expect(found).toMatchObject({ verdict: "shown", short: "6.00\u00a0nats, 30.0 × the middle" });
    const other = findingOf("first-layer", interventions(kept, [0.5, 0.1, 2, 0.3, 0.9]));
    expect(other.verdict).toBe("not-shown");
    expect(other.sentence).toContain("; deleting layer 2 does more, 2.00\u00a0nats.");
  });

  it("first layer: in part where the intervals overlap", () => {
    const of = interventions(kept, nats);
    const result = of.outcomes.get("layer-interventions");
    const wide =
      result?.state === "completed"
        ? result.result.table.rows.map((row) => ({ ...row, sem: row.statistic === "kl_nats" ? 3 : 0 }))
        : [];
    expect(
      findingOf("first-layer", modelOf({ "layer-interventions": planted("layer-interventions", wide, { layers: 5 }) })).verdict,
    ).toBe("partly");
  });

  it("last layer: above the median of the middle, or no more than it", () => {
    expect(findingOf("last-layer", interventions(kept, nats)).sentence).toBe(
      `Without layer 4 the predictions diverge by 0.900\u00a0nats, 4.50 times the median of the middle layers, and 50${N}% of the top predictions are left.`,
    );
    const less = findingOf("last-layer", interventions(kept, [6, 0.1, 0.2, 0.3, 0.1]));
    expect(less.verdict).toBe("not-shown");
    expect(less.sentence).toContain(": no more than without a layer of the middle.");
  });

  it("swaps: counted by their intervals, the exceptions named", () => {
    const difference = (values: number[], sem = 0.01) => byLayer("kl_nats", values, { operation: "swap_minus_delete", sem });
    const found = findingOf("swap-below-delete", interventions(kept, nats, difference([0.4, -0.2, -0.1, -0.3])));
    expect(found).toMatchObject({ verdict: "shown", short: "3 of 4 layers less, 1 more" });
    expect(found.sentence).toContain("in 3 of 4 layers, more in 1 (layer\u00a00).");
    const more = findingOf("swap-below-delete", interventions(kept, nats, difference([0.4, 0.2, 0.1, -0.3])));
    expect(more.verdict).toBe("not-shown");
    const unsure = findingOf("swap-below-delete", interventions(kept, nats, difference([0.4, -0.2, -0.1, -0.3], 1)));
    expect(unsure).toMatchObject({ verdict: "not-shown", short: "0 of 4 layers less, 0 more" });
    expect(unsure.sentence).toContain("; in 4 the intervals do not tell.");
  });

  it("across models: as the paper says, or other than it says; nothing of one depth", () => {
    const model = (layers: number, share: number, id: string) => {
      const kept = [0, ...Array<number>(layers - 2).fill(share), 0];
      const rows = byLayer("top1_agreement", kept, { operation: "delete" });
      return modelOf({ "layer-interventions": planted("layer-interventions", rows, { layers }) }, id);
    };
    const [small, large] = [model(6, 0.7, "small"), model(12, 0.9, "large")];
    expect(deeperIsMoreRobust([large, small])).toMatchObject({
      verdict: "shown",
      sentence: expect.stringContaining(
        `It does here: of the top predictions, without one of the middle layers, small (6 layers) keeps 70${N}% and large (12 layers) keeps 90${N}% on average.`,
      ),
    });
    expect(deeperIsMoreRobust([small, model(12, 0.6, "large")])).toMatchObject({
      verdict: "not-shown",
      sentence: expect.stringMatching(/^Here it does not: /),
    });
    expect(deeperIsMoreRobust([small, large, model(24, 0.8, "huge")])).toMatchObject({
      verdict: "partly",
      sentence: expect.stringMatching(/^It does in 2 of 3 pairs of models: /),
    });
    expect(deeperIsMoreRobust([small, model(6, 0.9, "other")])).toBeNull();
    expect(deeperIsMoreRobust([small])).toBeNull();
  });

  it("schedules: of the start whose middle is nearest to half of the layers", () => {
    const order = (names: string[]) =>
      modelOf({
        "layer-schedules": planted(
          "layer-schedules",
          names.flatMap((operation, i) =>
            [0, 1, 2, 3, 4].flatMap((start) => [
              { operation, start, statistic: "kl_nats", mean: start === 2 ? i + 1 : 9 - i },
              { operation, start, statistic: "top1_agreement", mean: 0.5 },
            ]),
          ),
        ),
      });
    const found = findingOf("schedules", order(["shuffle", "loop-parallel", "reverse", "skip", "parallel", "repeat-middle"]));
    expect(found.verdict).toBe("shown");
    expect(found.sentence).toMatch(
      /^With the 7 layers 3–9 run in other ways, from the mildest to the worst: in a random order 1\.00\u00a0nats \(50/,
    );
    expect(
      findingOf("schedules", order(["skip", "loop-parallel", "reverse", "shuffle", "parallel", "repeat-middle"])).verdict,
    ).toBe("partly");
    expect(
      findingOf("schedules", order(["skip", "repeat-middle", "reverse", "shuffle", "parallel", "loop-parallel"])).verdict,
    ).toBe("not-shown");
    expect(claimOf("schedules").judge(order(["skip", "reverse"]))).toBeNull();
  });
});

describe("Stage 1", () => {
  const local = (values: number[]) =>
    modelOf({
      "attention-locality": planted("attention-locality", byLayer("per_cell", values, { k: 5, head: null }), {
        layers: values.length,
        settings: { k: 5 },
      }),
    });

  it("locality: where it is highest, and how the halves compare", () => {
    expect(findingOf("locality", local([0.04, 0.1, 0.08, 0.05, 0.04, 0.03]))).toMatchObject({
      verdict: "shown",
      short: "highest at 1 of 6",
    });
    expect(findingOf("locality", local([0.04, 0.05, 0.05, 0.1, 0.01, 0.01])).verdict).toBe("partly");
    expect(findingOf("locality", local([0.01, 0.02, 0.03, 0.05, 0.06, 0.09])).verdict).toBe("not-shown");
  });

  it("subjoiners: heads beyond doubt only, and how many of them come early", () => {
    const of = (heads: object[]) =>
      modelOf({ "subjoiner-heads": planted("subjoiner-heads", [], { summary: { heads }, settings: { tokens_per_word: 4 } }) });
    const head = (layer: number, total_difference: number, sem = 0.01) => ({
      layer,
      head: 2,
      total_difference,
      sem,
      strongest_to_first: true,
    });
    const found = findingOf("subjoiners", of([head(1, 0.4), head(9, 0.2), head(3, 0.1), head(0, 0.3, 0.2), head(2, 0.04)]));
    expect(found).toMatchObject({ verdict: "shown", short: "3\u00a0heads, 2 in the first half" });
    expect(found.sentence).toContain(`the strongest are 1.2 (0.400${N}±${N}0.020), 9.2`);
    expect(findingOf("subjoiners", of([head(10, 0.4), head(9, 0.2)])).verdict).toBe("partly");
    expect(findingOf("subjoiners", of([head(1, 0.04)])).sentence).toBe(
      `No head looks back at the earlier tokens of words of 4 beyond doubt; the largest difference is 0.040${N}±${N}0.020, in head 1.2.`,
    );
  });

  it("attention over MLP: the halves and the peak", () => {
    const of = (values: number[]) =>
      modelOf({ "component-norms": planted("component-norms", byLayer("mean_of_ratios", values), { layers: values.length }) });
    expect(findingOf("attention-share", of([1.5, 3, 1, 0.5, 0.5, 0.5]))).toMatchObject({
      verdict: "shown",
      sentence: expect.stringContaining("highest in layer 1 (3.00), and above one in layers\u00a00 and 1 (2 of 6)."),
    });
    expect(findingOf("attention-share", of([0.1, 0.2, 0.2, 0.3, 0.4, 0.9]))).toMatchObject({
      verdict: "not-shown",
      sentence: expect.stringContaining("and nowhere above one."),
    });
  });
});

describe("Stages 2 to 4", () => {
  const lens = (kl: number[], entropy: number[] = kl) =>
    modelOf({
      "logit-lens": planted("logit-lens", [...byLayer("kl_final_nats", kl), ...byLayer("entropy_bits", entropy)], {
        layers: kl.length,
      }),
    });

  it("the lens: flat and falling late; falling from the start; rising first", () => {
    const late = lens([8, 8, 7, 5, 2, 0]);
    expect(findingOf("flat-lens", late)).toMatchObject({ verdict: "shown", short: `13${N}% of the fall` });
    expect(findingOf("falling-lens", late)).toMatchObject({ verdict: "shown", short: `88${N}% of the fall` });
    const early = lens([8, 3, 1, 0.5, 0.2, 0]);
    expect(findingOf("flat-lens", early)).toMatchObject({
      verdict: "not-shown",
      sentence: expect.stringContaining(", so it is not flat."),
    });
    expect(findingOf("falling-lens", early).verdict).toBe("not-shown");
    const rising = lens([8, 9, 10, 5, 2, 0]);
    expect(findingOf("flat-lens", rising)).toMatchObject({
      verdict: "shown",
      short: "rises",
      sentence: expect.stringContaining("over the first half it does not fall, it rises"),
    });
    expect(findingOf("falling-lens", rising).sentence).toMatch(/^The second half of the layers does all of the way/);
  });

  it("the entropy: sharper, flatter, or no change that can be told", () => {
    expect(findingOf("sharpening", lens([1, 1, 0], [5, 4, 3]))).toMatchObject({ verdict: "shown", short: "−1.00 bits" });
    expect(findingOf("sharpening", lens([1, 1, 0], [3, 3, 5])).sentence).toContain(
      "(+2.00): the prediction gets flatter, not sharper.",
    );
    const unsure = modelOf({
      "logit-lens": planted("logit-lens", byLayer("entropy_bits", [5, 4, 3.9], { sem: 1 }), { layers: 3 }),
    });
    expect(findingOf("sharpening", unsure)).toMatchObject({
      verdict: "partly",
      sentence: expect.stringContaining("no change that could be told from none"),
    });
  });

  const census = (counts: Readonly<Record<string, number[]>>) =>
    modelOf({
      "neuron-census": planted(
        "neuron-census",
        Object.entries(counts).flatMap(([name, values]) => byLayer(`${name}_count`, values)),
        { layers: 6 },
      ),
    });
  const none = [0, 0, 0, 0, 0, 0];

  it("prediction neurons: late, early, none, and of unknown sign", () => {
    const late = findingOf("prediction-neurons", census({ prediction: [0, 0, 1, 10, 50, 20], suppression: none }));
    expect(late).toMatchObject({ verdict: "shown", short: `81, 99${N}% in the second half` });
    expect(late.sentence).toContain("layer 4 has most, 50 (7\u202f%), and the first with one in a hundred is layer 3.");
    expect(findingOf("prediction-neurons", census({ prediction: [50, 20, 1, 0, 0, 0], suppression: none })).verdict).toBe(
      "not-shown",
    );
    expect(findingOf("prediction-neurons", census({ prediction: none, suppression: none }))).toMatchObject({
      ...{ verdict: "not-shown", short: "none" },
      sentence:
        "The census finds no prediction neurons, nor suppression neurons: no neuron’s cosines with the vocabulary have a kurtosis above 10.",
    });
    const unsigned = findingOf("prediction-neurons", census({ prediction_or_suppression: [0, 0, 0, 1, 5, 9] }));
    expect(unsigned.sentence).toContain("15 prediction or suppression neurons (without texts their signs cannot be told)");
    expect(claimOf("suppression-neurons").judge(census({ prediction_or_suppression: none }))).toBeNull();
  });

  it("suppression neurons: more than the others at the end, or not", () => {
    const of = (suppression: number[]) =>
      findingOf("suppression-neurons", census({ prediction: [0, 0, 0, 9, 8, 7], suppression }));
    expect(of([0, 0, 0, 1, 2, 20])).toMatchObject({ verdict: "shown", short: "last layer: 20 against, 7 for" });
    expect(of([0, 0, 0, 0, 0, 3])).toMatchObject({
      verdict: "partly",
      sentence: expect.stringContaining(": they do not outnumber them."),
    });
    expect(of([9, 0, 0, 0, 0, 3]).verdict).toBe("not-shown");
    expect(of(none)).toMatchObject({ verdict: "not-shown", short: "none" });
  });

  it("MLP norms: the largest at the end, or elsewhere", () => {
    const of = (values: number[]) =>
      findingOf(
        "mlp-norm",
        modelOf({ "component-norms": planted("component-norms", byLayer("mlp_out_norm", values), { layers: 6 }) }),
      );
    expect(of([3, 1, 1, 2, 4, 90])).toMatchObject({
      verdict: "shown",
      sentence: "The MLP of layer 5 writes most, a norm of 90.0; the next, of layer 4, 4.00.",
    });
    expect(of([163, 1, 1, 2, 4, 78])).toMatchObject({ verdict: "not-shown", short: "largest at 0 of 6" });
  });

  it("suffix probes: better together, no better, and nothing to probe", () => {
    const of = (together: number | null, best: object | null, sem = 0.01) =>
      findingOf(
        "suffix-probe",
        modelOf({
          "suffix-probe": planted(
            "suffix-probe",
            [
              { population: "model", k: null, statistic: "accuracy", mean: 0.87 },
              { population: "prediction", k: null, layer: 9, neuron: 31, statistic: "accuracy", mean: 0.7, sem },
              ...(together === null ? [] : [{ population: "both", k: 64, statistic: "accuracy", mean: together, sem: 0.01 }]),
            ],
            { settings: { suffix: "ing" }, summary: { best_neuron: { prediction: best, suppression: null } } },
          ),
        }),
      );
    const neuron = { layer: 9, neuron: 31, accuracy: 0.7 };
    expect(of(0.8, neuron)).toMatchObject({
      verdict: "shown",
      sentence: `Whether the next token ends its word in “-ing”, the best single neuron (9.31) tells in 70${N}% of held-out cases, an ensemble of 64 in 80${N}%; the model’s own top prediction in 87${N}% (guessing: 50 %).`,
    });
    expect(of(0.8, neuron, 0.06)).toMatchObject({
      verdict: "partly",
      sentence: expect.stringContaining("which could be chance"),
    });
    expect(of(0.71, neuron).verdict).toBe("partly");
    expect(of(0.6, neuron)).toMatchObject({ verdict: "not-shown", sentence: expect.stringContaining("which is no better") });
    expect(of(null, null)).toMatchObject({ verdict: "not-shown", short: "no neurons to probe" });
  });
});

describe("Table 1", () => {
  const stages = (segmentation: object) => planted("stages", [], { summary: { segmentation } });
  const evidence = [{ speaks: "for" }, { speaks: "against" }, { speaks: "neither" }];

  it("boundaries with their intervals, and how many signatures speak for them", () => {
    const boundaries = [
      { after_layer: 1, low: 1, high: 1, evidence },
      { after_layer: 4, low: 3, high: 6, evidence: [{ speaks: "for" }] },
    ];
    expect(segmentationInWords(stages({ supported: true, p_value: 0.004, explained: 0.81, boundaries }))).toBe(
      `A division into four parts is supported (permutation test over layers, p = 0.004); it explains 81${N}% of the signals’ variance, with boundaries after layer 1 (1) and after layer 4 (3–6), in brackets their 95 % bootstrap intervals over texts. ` +
        "Signals that merely change smoothly with depth pass this test too: it says that the order matters, not that stages are sharp. " +
        "Of 4\u00a0signatures of the paper’s stages at these boundaries 2 speak for them, 1 against, 1 neither way.",
    );
  });

  it("is not supported, with the test or the reason", () => {
    expect(segmentationInWords(stages({ supported: false, p_value: 0.31, boundaries: [] }))).toMatch(
      /is not supported \(permutation test over layers, p = 0\.31\)/,
    );
    expect(
      segmentationInWords(stages({ supported: false, reason: "2 layers cannot be divided into 4 parts", boundaries: [] })),
    ).toBe("A division of the depth into four parts is not supported: 2 layers cannot be divided into 4 parts.");
  });
});

describe("The appendix", () => {
  it("names what is most and least, with the numbers", () => {
    const cka = planted(
      "cka",
      [
        { layer: -1, other_layer: 0, statistic: "cka", mean: 0.7 },
        { layer: 0, other_layer: 1, statistic: "cka", mean: 0.5 },
        { layer: 1, other_layer: 2, statistic: "cka", mean: 0.9 },
        { layer: 0, other_layer: 2, statistic: "cka", mean: 0.4 },
      ],
      { layers: 3 },
    );
    expect(similarity(modelOf({ cka }))).toBe(
      "The streams after neighbouring layers are alike with a CKA of 0.700 on average, least between layers 0 and 1 (0.500); the embedding and layer 0 have 0.700, layers 0 and 2 0.400.",
    );
    const influence = (component: string, values: number[]) => byLayer("block_influence", values, { n: 1, component });
    const turned = planted(
      "layer-importance",
      [...influence("block", [0.9, 0.1, 0.2, 0.3]), ...influence("attn", [0.1]), ...influence("mlp", [0.2])],
      { layers: 4 },
    );
    expect(importance(modelOf({ "layer-importance": turned }))).toBe(
      "Layer 0 turns the residual stream most (block influence 0.900), layer 1 least (0.100); attention alone has 0.100 on average, the MLPs 0.200.",
    );
    const silenced = planted("head-importance", [
      { layer: 1, head: 2, statistic: "kl_nats", mean: 0.5 },
      { layer: 0, head: 0, statistic: "kl_nats", mean: 0.001 },
    ]);
    expect(heads(modelOf({ "head-importance": silenced }))).toContain("Of 2 heads the most missed are 1.2 (0.500\u00a0nats)");
  });

  it("Accuracy: untouched, of the middle, and how many deletions cost some", () => {
    const row = (operation: string, layer: number | null, mean: number, statistic = "accuracy", sem = 0.02) => ({
      operation,
      layer,
      statistic,
      mean,
      sem,
    });
    const benchmark = planted(
      "benchmark",
      [
        row("baseline", null, 0.4),
        ...[0, 1, 2].map((layer) => row("delete", layer, 0.3)),
        ...[-0.4, -0.01, 0].map((mean, layer) => row("delete", layer, mean, "accuracy_change")),
      ],
      { layers: 3, settings: { task: "last-word" } },
    );
    expect(accuracy(modelOf({ benchmark }))).toBe(
      `Untouched, it finds the last word in 40${N}% of 64\u00a0passages (95 % interval 36–44${N}%); over the middle layers 30${N}% with one deleted. Deleting costs accuracy beyond the interval in 1 of 3 layers.`,
    );
  });
});
