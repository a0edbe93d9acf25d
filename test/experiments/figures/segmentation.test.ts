import { describe, expect, it } from "vitest";
import { segmentationOf } from "../../../src/experiments/figures/segmentation.ts";
import { titleOf, unitOf } from "../../../src/experiments/figures/signals.ts";

describe("The segmentation in a summary", () => {
  it("Is read with its boundaries; what is more is left", () => {
    const boundaries = [
      { after_layer: 3, low: 2, high: 5, stage: 1 },
      { after_layer: 7 },
      { after_layer: null },
      "after 9",
      null,
    ];
    expect(segmentationOf({ segmentation: { supported: true, p_value: 0.01, explained: 0.8, boundaries, n_parts: 4 } })).toEqual({
      supported: true,
      p_value: 0.01,
      explained: 0.8,
      boundaries: [
        { after: 3, low: 2, high: 5 },
        { after: 7, low: null, high: null },
      ],
    });
  });

  it("Is supported only where it says so", () => {
    const none = { supported: false, p_value: null, explained: null, boundaries: [] };
    for (const segmentation of [{}, { supported: "yes" }, { supported: null, p_value: "0.01", boundaries: 3 }])
      expect(segmentationOf({ segmentation })).toEqual(none);
  });

  it("Is none where there is none", () => {
    for (const summary of [{}, { segmentation: null }, { segmentation: [] }, { segmentation: "supported" }])
      expect(segmentationOf(summary)).toBeNull();
  });
});

describe("Names of signals as people read them", () => {
  it.each([
    ["entropy_bits", "Entropy", "bits"],
    ["delete_kl_nats", "Delete KL", "nats"],
    ["attention_share", "Attention share", "share"],
    ["mlp_out_norm", "MLP out norm", "norm"],
    ["cka", "CKA", ""],
    ["", "", ""],
  ])("%s", (statistic, title, unit) => {
    expect(titleOf(statistic)).toBe(title);
    expect(unitOf(statistic)).toBe(unit);
  });
});
