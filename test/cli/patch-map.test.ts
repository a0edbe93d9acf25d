import { describe, expect, it } from "vitest";
import { patchMap } from "../../src/cli/render/patch-map.ts";
import { runTable } from "../../src/cli/render/run-table.ts";
import { textWidth } from "../../src/cli/render/text.ts";
import { makeView } from "../../src/cli/render/view.ts";
import { LAST, layerEvent, metaEvent, resultEvent, steps } from "./events.ts";

const names = [0, 1].flatMap((layer) => [0, 1, 4].map((position) => `patch.${layer}.${position}`));
const meta = metaEvent(Object.fromEntries(["baseline", ...names].map((name) => [name, steps(0, 1)])));
const cell = (variant: string, effect: number | null) => {
  const event = layerEvent(variant, 2, 1);
  return { ...event, readout: event.readout?.map((one) => ({ ...one, patch_effect: [effect] })) ?? [] };
};

describe("The map of a patch sweep", () => {
  it("Gives a layer's line when its last cell is there, in the order of the layers", () => {
    const map = patchMap(meta, makeView(80, false));
    expect(map.head.slice(-2)).toEqual([
      "                    0             1             4",
      " layer  <|endoftext|>           She          ·the",
    ]);
    expect(map.cells).toBe(7);
    expect(["patch.1.0", "patch.1.1", "patch.1.4", "patch.0.0"].flatMap((name) => map.add(cell(name, 0.25)))).toEqual([]);
    expect(map.add({ ...cell("patch.0.1", 9), step: 1 })).toEqual([]);
    expect(map.add(cell("patch.0.1", -0.004))).toEqual([]);
    expect(map.add(cell("patch.0.4", null))).toEqual([
      "     0          +0.25             0             –",
      "     1          +0.25         +0.25         +0.25",
    ]);
  });

  it("Shades what does not fit as numbers, and stays within the width", () => {
    const many = Array.from({ length: 70 }, (_, position) => `patch.0.${position}`);
    const map = patchMap(
      metaEvent(Object.fromEntries(["baseline", ...many].map((name) => [name, steps(0)]))),
      makeView(60, false),
    );
    const [line] = many.flatMap((name, i) => map.add({ ...cell(name, i / 69), step: 1 })) as [string];
    expect(textWidth(line)).toBe(60);
    expect(line).toMatch(/^ {5}0 ░+▒+▓+█+$/);
    expect(map.head.join()).toContain("the last 53 of 70 that fit");
    expect(map.head.join()).toContain("░ ▒ ▓ █: a quarter, half, three quarters, all");
    const digits = map.head.slice(-2).map((text) => text.slice(7));
    expect([0, 52].map((at) => digits.map((text) => text[at]).join(""))).toEqual(["17", "69"]);
    expect(map.head.slice(1).every((text) => textWidth(text) <= 60)).toBe(true);
  });

  it("Says between what the effects are measured", () => {
    const [variant] = resultEvent.variants;
    const final = (difference: number) => ({
      ...(variant?.final[0] as NonNullable<typeof variant>["final"][number]),
      targets: [" Paris", " Rome"].map((text, id) => ({ id, text, logit: 1, logprob: -1, rank: 1 })),
      logit_diff: [difference],
    });
    const result = { ...resultEvent, variants: [{ name: "baseline", layers: [], final: [final(6.5)] }], source: [final(-1.25)] };
    expect(patchMap(meta, makeView(80, false)).summary(result)).toEqual([
      " logit difference           “·Paris” − “·Rome”",
      " without, and of the source 6.50 → −1.25",
    ]);
  });
});

describe("The table of a run", () => {
  it("Has a line per position where several are read out", () => {
    const several = { ...metaEvent({ baseline: steps(0) }), positions: [1, LAST] };
    const table = runTable(several, makeView(80, false));
    expect(table.head.join()).toContain("layer@position: what comes after each of 2 positions");
    const event = layerEvent("baseline", 1, 0);
    const readout = [1, LAST].map((position) => ({
      ...(event.readout?.[0] as NonNullable<typeof event.readout>[number]),
      position,
    }));
    expect(table.add(layerEvent("baseline", 0, null))).toHaveLength(2);
    expect(table.add({ ...event, readout })).toEqual([
      expect.stringMatching(/^ +0@1 ·room .* 25%/),
      expect.stringMatching(/^ +0@4 ·room .* 25%/),
    ]);
  });
});
