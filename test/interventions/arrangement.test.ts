import { describe, expect, it } from "vitest";
import { OPERATION_NAMES } from "../../src/schemas/operations.ts";
import { hash, places, refusal, schedule, type Written } from "./help.ts";

describe("delete", () => {
  it("Leaves the blocks out", () => {
    expect(schedule({ op: "delete", layers: [1, 4] })).toEqual({
      name: "intervened",
      steps: [[{ block: 0 }], [{ block: 2 }], [{ block: 3 }], [{ block: 5 }]],
    });
    expect(places({ op: "delete", layers: { from: 2, to: 4 } })).toBe("0 1 5");
  });

  it("Takes a block out of every place where it stands, and out of a group", () => {
    expect(places({ op: "repeat", layers: [2] }, { op: "delete", layers: [2] })).toBe("0 1 3 4 5");
    expect(places({ op: "parallel", layers: [1, 2, 3] }, { op: "delete", layers: [2] })).toBe("0 [1 3] 4 5");
    expect(places({ op: "order", layers: [0, [1], 2] }, { op: "delete", layers: [1] })).toBe("0 2");
  });

  it("Of every block leaves an empty schedule", () => {
    expect(schedule({ op: "delete", layers: { from: 0, to: 5 } }).steps).toEqual([]);
  });
});

describe("swap", () => {
  it("Exchanges two places, neighbours or not", () => {
    expect(places({ op: "swap", layers: [2, 3] })).toBe("0 1 3 2 4 5");
    expect(places({ op: "swap", layers: [5, 0] })).toBe("5 1 2 3 4 0");
    expect(places({ op: "swap", layers: { from: 1, to: 2 } })).toBe("0 2 1 3 4 5");
  });

  it("Names blocks, not places", () => {
    expect(places({ op: "swap", layers: [0, 1] }, { op: "swap", layers: [1, 2] })).toBe("2 0 1 3 4 5");
  });

  it("Reaches into a parallel group", () => {
    expect(places({ op: "parallel", layers: [1, 2] }, { op: "swap", layers: [2, 5] })).toBe("0 [1 5] 3 4 2");
  });

  it("Takes two layers", () => {
    expect(refusal({ op: "swap", layers: [1, 2, 3] })).toEqual({
      code: "invalid_intervention",
      detail: "swap takes two layers, not 3",
      errors: [{ pointer: "/interventions/0/layers", detail: "swap takes two layers, not 3" }],
    });
  });
});

describe("repeat", () => {
  it("Runs each twice, one after the other", () => {
    expect(places({ op: "repeat", layers: [4, 5] })).toBe("0 1 2 3 4 4 5 5");
    expect(places({ op: "repeat", layers: [4, 1] })).toBe("0 1 1 2 3 4 4 5");
  });

  it("Counts the times in all", () => {
    expect(places({ op: "repeat", layers: [1], times: 3 })).toBe("0 1 1 1 2 3 4 5");
    expect(places({ op: "repeat", layers: [1], times: 1 })).toBe("0 1 2 3 4 5");
  });

  it("Runs a span over and over", () => {
    expect(places({ op: "repeat", layers: [3, 4], mode: "span" })).toBe("0 1 2 3 4 3 4 5");
    expect(places({ op: "repeat", layers: { from: 0, to: 1 }, mode: "span", times: 3 })).toBe("0 1 0 1 0 1 2 3 4 5");
  });

  it("Sees neighbours where the blocks now stand", () => {
    expect(places({ op: "delete", layers: [2] }, { op: "repeat", layers: [1, 3], mode: "span" })).toBe("0 1 3 1 3 4 5");
  });

  it("Of a span needs neighbours", () => {
    expect(refusal({ op: "repeat", layers: [1, 3], mode: "span" }).errors).toEqual([
      {
        pointer: "/interventions/0/layers/1",
        detail: "layers 1 and 3 are not neighbours in the schedule, so they cannot be repeated together",
      },
    ]);
  });

  it("Is refused for a part of a group, and where the schedule grows too long", () => {
    expect(refusal({ op: "parallel", layers: [1, 2] }, { op: "repeat", layers: [2] }).detail).toBe(
      "layer 2 stands in a parallel group, so it cannot be repeated by itself",
    );
    const all = { op: "repeat", layers: { from: 0, to: 5 }, times: 64 };
    expect(refusal(all, all)).toMatchObject({
      detail: "the schedule would have 24576 steps, more than the most allowed, 4096",
      errors: [{ pointer: "/interventions/1" }],
    });
  });
});

describe("reverse and shuffle", () => {
  it("Reverse only the places that the blocks occupy", () => {
    expect(places({ op: "reverse", layers: { from: 1, to: 4 } })).toBe("0 4 3 2 1 5");
    expect(places({ op: "reverse", layers: [5, 0, 3] })).toBe("5 1 2 3 4 0");
  });

  it("Shuffle by the seed, whatever order the layers are named in", () => {
    expect(places({ op: "shuffle", layers: { from: 1, to: 4 }, seed: 42 })).toBe("0 2 3 1 4 5");
    expect(places({ op: "shuffle", layers: [4, 2, 1, 3], seed: 42 })).toBe("0 2 3 1 4 5");
    expect(places({ op: "shuffle", layers: { from: 0, to: 5 }, seed: 7 })).not.toBe("0 1 2 3 4 5");
  });
});

describe("parallel", () => {
  it("Makes one group, in the order in which the blocks run", () => {
    expect(places({ op: "parallel", layers: [3, 2, 4] })).toBe("0 1 [2 3 4] 5");
    expect(places({ op: "parallel", layers: [1, 2], times: 3 })).toBe("0 [1 2] [1 2] [1 2] 3 4 5");
  });

  it("Needs neighbours, whole blocks and no group yet", () => {
    expect(refusal({ op: "parallel", layers: [0, 2] }).detail).toBe(
      "layers 0 and 2 are not neighbours in the schedule, so they cannot be run in parallel together",
    );
    expect(refusal({ op: "parallel", layers: [0, 1] }, { op: "parallel", layers: [1, 2] }).detail).toBe(
      "layer 1 stands in a parallel group, so it cannot be run in parallel by itself",
    );
    const halves = { op: "sublayers", steps: [{ layer: 0, component: "attn" }, { layer: 1 }, { layer: 2 }] };
    expect(refusal(halves, { op: "parallel", layers: [0, 1] }).detail).toBe(
      "layer 0 stands with its attn alone; only whole blocks can run in parallel",
    );
    expect(refusal(halves, { op: "parallel", layers: [1, 2] }, { op: "swap", layers: [0, 1] }).detail).toBe(
      "layer 0 stands with its attn alone; only whole blocks can run in parallel",
    );
  });
});

describe("replace", () => {
  it("Runs another block in the place", () => {
    expect(places({ op: "replace", layer: 2, with: 5 })).toBe("0 1 5 3 4 5");
    expect(places({ op: "replace", layer: 2, with: 2 })).toBe("0 1 2 3 4 5");
  });

  it("Takes the block out that it replaces", () => {
    expect(refusal({ op: "replace", layer: 2, with: 5 }, { op: "exit", after: 2 })).toEqual({
      code: "invalid_intervention",
      detail: "layer 2 cannot be named any more: an earlier operation took it out",
      errors: [
        { pointer: "/interventions/1/after", detail: "layer 2 cannot be named any more: an earlier operation took it out" },
      ],
    });
  });

  it("Keeps the half that ran, and never doubles a block within a group", () => {
    expect(
      places({ op: "sublayers", steps: [{ layer: 0, component: "attn" }, { layer: 1 }] }, { op: "replace", layer: 0, with: 1 }),
    ).toBe("1.attn 1");
    expect(refusal({ op: "parallel", layers: [1, 2] }, { op: "replace", layer: 1, with: 2 }).detail).toBe(
      "layer 2 stands in the same parallel group as layer 1 already",
    );
  });
});

describe("exit", () => {
  it("Stops after the last time that the block stands", () => {
    expect(places({ op: "exit", after: 2 })).toBe("0 1 2");
    expect(places({ op: "repeat", layers: [1, 2], mode: "span" }, { op: "exit", after: 1 })).toBe("0 1 2 1");
    expect(places({ op: "parallel", layers: [1, 2] }, { op: "exit", after: 1 })).toBe("0 [1 2]");
  });
});

describe("order and sublayers", () => {
  it("Say what runs, groups included", () => {
    expect(places({ op: "order", layers: [0, [1, 2], 3, 3] })).toBe("0 [1 2] 3 3");
    expect(places({ op: "order", layers: [] })).toBe("");
    expect(
      places({ op: "sublayers", steps: [{ layer: 0, component: "attn" }, { layer: 0, component: "mlp" }, { layer: 3 }] }),
    ).toBe("0.attn 0.mlp 3");
  });

  it("Take out what they do not list", () => {
    expect(refusal({ op: "order", layers: [0, 1] }, { op: "order", layers: [[0, 2]] })).toMatchObject({
      detail: "layer 2 cannot be named any more: an earlier operation took it out",
      errors: [{ pointer: "/interventions/1/layers/0/1" }],
    });
    expect(refusal({ op: "delete", layers: [3] }, { op: "sublayers", steps: [{ layer: 3 }] })).toMatchObject({
      errors: [{ pointer: "/interventions/1/steps/0/layer" }],
    });
  });

  it("Name a block once in a group", () => {
    expect(refusal({ op: "order", layers: [0, [1, 1]] })).toMatchObject({
      detail: "layer 1 is named twice in one parallel group",
      errors: [{ pointer: "/interventions/0/layers/1/1" }],
    });
  });
});

describe("Naming layers", () => {
  it("Is refused out of range, twice, and in an empty range", () => {
    expect(refusal({ op: "delete", layers: [1, 12] })).toEqual({
      code: "invalid_intervention",
      detail: "layer 12 is out of range: prose-6m has 6 layers, so layers -6 to 5",
      errors: [
        { pointer: "/interventions/0/layers/1", detail: "layer 12 is out of range: prose-6m has 6 layers, so layers -6 to 5" },
      ],
    });
    expect(refusal({ op: "delete", layers: { from: 3, to: 6 } }).errors?.[0]?.pointer).toBe("/interventions/0/layers/to");
    expect(refusal({ op: "delete", layers: { from: 3, to: 2 } }).detail).toBe(
      "a range from 3 to 2 has no layers: from may not be more than to",
    );
    expect(refusal({ op: "reverse", layers: [3, 3] }).detail).toBe("layer 3 is named twice");
    expect(refusal({ op: "delete", layers: [-7] })).toMatchObject({
      detail: "layer -7 is out of range: prose-6m has 6 layers, so layers -6 to 5",
      errors: [{ pointer: "/interventions/0/layers/0" }],
    });
    expect(refusal({ op: "reverse", layers: [5, -1] })).toMatchObject({
      detail: "layer -1 (layer 5) is named twice",
      errors: [{ pointer: "/interventions/0/layers/1" }],
    });
    expect(refusal({ op: "delete", layers: { from: -1, to: 3 } }).detail).toBe(
      "a range from -1 (layer 5) to 3 has no layers: from may not be more than to",
    );
    expect(refusal({ op: "order", layers: [[5, 0, -1]] }).detail).toBe("layer -1 (layer 5) is named twice in one parallel group");
    expect(refusal({ op: "sublayers", steps: [{ layer: -7 }] }).errors?.[0]?.pointer).toBe("/interventions/0/steps/0/layer");
    expect(refusal({ op: "delete", layers: [5] }, { op: "exit", after: -1 }).detail).toBe(
      "layer 5 cannot be named any more: an earlier operation took it out",
    );
    expect(refusal({ op: "replace", layer: 0, with: 6 }).errors?.[0]?.pointer).toBe("/interventions/0/with");
  });

  it("Counts negative ones from the end, in every operation", () => {
    const pairs: [Written, Written][] = [
      [
        { op: "delete", layers: [-1] },
        { op: "delete", layers: [5] },
      ],
      [
        { op: "delete", layers: { from: -3, to: -2 } },
        { op: "delete", layers: [3, 4] },
      ],
      [
        { op: "delete", layers: { from: 2, to: -1 } },
        { op: "delete", layers: [2, 3, 4, 5] },
      ],
      [
        { op: "swap", layers: [0, -1] },
        { op: "swap", layers: [0, 5] },
      ],
      [
        { op: "repeat", layers: [-2] },
        { op: "repeat", layers: [4] },
      ],
      [
        { op: "reverse", layers: [-1, -2, -3] },
        { op: "reverse", layers: [3, 4, 5] },
      ],
      [
        { op: "shuffle", layers: { from: -4, to: -1 }, seed: 3 },
        { op: "shuffle", layers: { from: 2, to: 5 }, seed: 3 },
      ],
      [
        { op: "replace", layer: -6, with: -1 },
        { op: "replace", layer: 0, with: 5 },
      ],
      [
        { op: "exit", after: -2 },
        { op: "exit", after: 4 },
      ],
      [
        { op: "order", layers: [-6, [1, -4], -1] },
        { op: "order", layers: [0, [1, 2], 5] },
      ],
      [
        { op: "parallel", layers: { from: -2, to: -1 } },
        { op: "parallel", layers: [4, 5] },
      ],
      [
        { op: "sublayers", steps: [{ layer: -6, component: "attn" }, { layer: -1 }] },
        { op: "sublayers", steps: [{ layer: 0, component: "attn" }, { layer: 5 }] },
      ],
      [
        { op: "ablate", component: "mlp", layers: [-1] },
        { op: "ablate", component: "mlp", layers: [5] },
      ],
      [
        { op: "steer", layer: -1, toward: "a" },
        { op: "steer", layer: 5, toward: "a" },
      ],
      [
        { op: "patch", component: "resid_pre", layers: [-5], source: { tokens: [1, 2, 3, 4, 5, 6, 7, 8] } },
        { op: "patch", component: "resid_pre", layers: [1], source: { tokens: [1, 2, 3, 4, 5, 6, 7, 8] } },
      ],
    ];
    expect(new Set(pairs.map(([{ op }]) => op))).toEqual(new Set(OPERATION_NAMES));
    for (const [counted, named] of pairs) {
      expect(schedule(counted), JSON.stringify(counted)).toEqual(schedule(named));
      expect(hash(counted)).toBe(hash(named));
    }
  });

  it("Is refused for moving what stands more than once", () => {
    const twice = { op: "repeat", layers: [4] };
    const reason = (participle: string) =>
      `layer 4 stands 2 times, so it cannot be ${participle}; say with "order" what runs where`;
    expect(refusal(twice, { op: "swap", layers: [1, 4] }).detail).toBe(reason("swapped"));
    expect(refusal(twice, { op: "replace", layer: 4, with: 1 }).detail).toBe(reason("replaced"));
    expect(refusal(twice, { op: "reverse", layers: [4, 5] }).detail).toBe(reason("moved"));
    expect(refusal(twice, { op: "shuffle", layers: [4, 5] }).detail).toBe(reason("moved"));
    expect(refusal(twice, { op: "parallel", layers: [4, 5] }).detail).toBe(reason("run in parallel"));
    expect(refusal(twice, { op: "repeat", layers: [4, 5], mode: "span" }).detail).toBe(reason("repeated"));
  });
});
