import { describe, expect, it } from "vitest";
import { type Curve, evidenceOf } from "../../../src/experiments/kinds/stage-evidence.ts";

/** Ten layers as the paper tells them, parts 0–1, 2–4, 5–7, 8–9. */
const PAPER: Readonly<Record<string, Curve>> = {
  deletion_kl_nats: [9, 3, 1, 1, 1, 1, 1, 1, 1, 2],
  attention_per_cell: [0.08, 0.1, 0.05, 0.05, 0.04, 0.03, 0.03, 0.03, 0.03, 0.03],
  attn_mlp_ratio: [1, 1, 0.9, 0.8, 0.7, 0.4, 0.3, 0.3, 0.2, 0.2],
  lens_kl_nats: [10, 9.9, 9.8, 9.7, 9.6, 8, 6, 4, 2, 0],
  prediction_share: [0, 0, 0, 0, 0, 0.01, 0.02, 0.03, 0.02, 0.01],
  suppression_share: [0, 0, 0, 0, 0, 0, 0, 0.01, 0.03, 0.04],
  mlp_out_norm: [50, 5, 6, 7, 8, 9, 10, 20, 30, 80],
  lens_entropy_bits: [12, 12, 11, 11, 10, 9, 8, 7, 5, 3],
};
const AFTER = [1, 4, 7];

const evidence = (curves: Readonly<Record<string, Curve>>) => evidenceOf(AFTER, new Map(Object.entries(curves)), 10);
const spoken = (curves: Readonly<Record<string, Curve>>) =>
  evidence(curves).map((each) => each.map(({ stage, signal, speaks }) => `${stage} ${signal}: ${speaks}`));

describe("Evidence beside the boundaries", () => {
  it("speaks for stages that are as the paper tells them", () => {
    expect(spoken(PAPER)).toEqual([
      ["1 deletion_kl_nats: for", "1 attention_per_cell: for"],
      ["2 attn_mlp_ratio: for", "2 lens_kl_nats: for", "3 prediction_share: for"],
      [
        "4 suppression_share − prediction_share: for",
        "4 mlp_out_norm: for",
        "4 lens_entropy_bits: for",
        "4 lens_entropy_bits: against",
      ],
    ]);
  });

  it("has the numbers of both sides", () => {
    const [first, second, third] = evidence(PAPER);
    expect(first?.[0]).toEqual({
      stage: 1,
      signature: "sensitivity to deletion",
      signal: "deletion_kl_nats",
      measure: "mean",
      before: 6,
      after: 1,
      speaks: "for",
    });
    const [, lens] = second ?? [];
    expect(lens).toMatchObject({ signature: "flat lens, then falling", measure: "fall_per_layer" });
    expect([lens?.before, lens?.after].map((fall) => fall?.toFixed(6))).toEqual(["0.100000", "1.866667"]);
    const [suppression, norm, sharpening, calibration] = third ?? [];
    expect(suppression?.before).toBeCloseTo(-0.05 / 3, 12);
    expect(suppression?.after).toBeCloseTo(0.02, 12);
    expect(norm).toMatchObject({ measure: "peak", before: 20, after: 80 });
    expect(sharpening).toMatchObject({
      signature: "sharpening: entropy falls (first version of the paper)",
      before: 7,
      after: 3,
    });
    expect(calibration).toMatchObject({ signature: "calibration: entropy rises (later versions)", before: 7, after: 3 });
  });

  it("speaks against where what should be higher is lower", () => {
    const turned = Object.fromEntries(Object.entries(PAPER).map(([name, curve]) => [name, curve.map((value) => -value)]));
    expect(
      spoken(turned)
        .flat()
        .filter((each) => each.endsWith(": for")),
    ).toEqual(["4 lens_entropy_bits: for"]);
  });

  it("says neither where there is nothing to compare", () => {
    const none = new Array<number>(10).fill(0);
    const [, second, third] = spoken({ ...PAPER, prediction_share: none, suppression_share: none });
    expect(second?.[2]).toBe("3 prediction_share: neither");
    expect(third?.[0]).toBe("4 suppression_share − prediction_share: neither");
  });

  it("suppression must outnumber prediction, not only come nearer", () => {
    const fewer = [0, 0, 0, 0, 0, 0, 0, 0.001, 0.002, 0.003];
    expect(spoken({ ...PAPER, suppression_share: fewer })[2]?.[0]).toBe("4 suppression_share − prediction_share: against");
  });

  it("a signal that is not there says nothing", () => {
    const { mlp_out_norm: _, ...rest } = PAPER;
    expect(spoken(rest)[2]).toHaveLength(3);
  });
});
