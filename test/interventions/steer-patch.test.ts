import { describe, expect, it } from "vitest";
import { compileVariants } from "../../src/interventions/compile.ts";
import { PatchSweep } from "../../src/schemas/run-request.ts";
import { compiled, model, refusal, refused, TOKENS, words } from "./help.ts";

describe("steer", () => {
  const vector = [3, 0, 4, 0, 0, 0, 0, 0];

  it("Adds at the stream that a block leaves, wherever it stands", () => {
    const { schedules, resources } = compiled(
      { op: "steer", layer: 1, vector, scale: 2, positions: [-1] },
      { op: "swap", layers: [1, 2] },
    );
    expect(schedules[0]?.steps.slice(1, 3)).toEqual([
      [{ block: 2 }],
      [
        {
          block: 1,
          edits: [{ site: "resid_post", scale: 1, add: [{ from: "vector", index: 0, times: 2 }], positions: [7] }],
        },
      ],
    ]);
    expect(resources.vectors).toMatchObject([{ kind: "values", values: Float32Array.from(vector) }]);
  });

  it("Counts mean norms of a vector of length 1, and tokens' directions", () => {
    const of = (more: object) => compiled({ op: "steer", layer: 0, ...more });
    const edits = of({ vector, scale: 10, scale_by: "residual" }).schedules[0]?.steps[0]?.[0]?.edits;
    expect(edits?.[0]?.add).toEqual([{ from: "vector", index: 0, times: 2, perResidual: true }]);
    expect(of({ toward: "a", away: 5 }).resources.vectors).toMatchObject([{ kind: "direction", toward: 97, away: 5 }]);
    expect(of({ away: "b" }).resources.vectors).toMatchObject([{ kind: "direction", toward: null, away: 98 }]);
  });

  it("Is refused with the length seen and the one expected", () => {
    expect(refusal({ op: "steer", layer: 0, vector: [1, 2] })).toMatchObject({
      detail: "a vector of 2 numbers is not of the width of prose-6m, 8",
      errors: [{ pointer: "/interventions/0/vector" }],
    });
    expect(refusal({ op: "steer", layer: 0, vector: Array(8).fill(0), scale_by: "residual" }).detail).toMatch(/length 0/);
    expect(refusal({ op: "steer", layer: 6, toward: "a" }).detail).toMatch(/layer 6 is out of range/);
    expect(refusal({ op: "delete", layers: [2] }, { op: "steer", layer: 2, toward: "a" }).detail).toBe(
      "layer 2 cannot be named any more: an earlier operation took it out",
    );
  });
});

describe("patch", () => {
  const patch = (more: object) => ({ op: "patch", component: "resid_pre", layers: [1], source: { prompt: "abcdefgh" }, ...more });

  it("Puts the source's value in the place of the own one", () => {
    const { schedules, resources } = compiled(patch({ component: "head", heads: [3], positions: [2] }));
    expect(schedules[0]?.steps[1]?.[0]?.edits).toEqual([
      { site: "z", head: 3, scale: 0, add: [{ from: "source", index: 0, times: 1 }], positions: [2] },
    ]);
    expect(resources.sources).toMatchObject([{ tokens: words.source({ prompt: "abcdefgh" }, "") }]);
  });

  it("Is refused where it cannot be applied, with the reason", () => {
    expect(refusal(patch({ source: { prompt: "abc" } }))).toMatchObject({
      detail: '"all" goes to position 7, which does not exist in the source: the source has 3 tokens, so positions 0 to 2',
      errors: [{ pointer: "/interventions/0/positions" }],
    });
    expect(refusal(patch({ source: { prompt: "abc" }, positions: [0, -4] }))).toMatchObject({
      detail: "position -4 does not exist in the source: the source has 3 tokens, so positions 0 to 2",
      errors: [{ pointer: "/interventions/0/positions/1" }],
    });
    expect(refusal(patch({ positions: [TOKENS] })).detail).toMatch(/position 8 is out of range: the prompt has 8 tokens/);
    expect(refusal(patch({ component: "head" })).detail).toMatch(/^heads are required with component "head"/);
    expect(refusal(patch({ component: "head", heads: [4] })).detail).toMatch(/head 4 is out of range/);
    expect(refusal(patch({ heads: [1] })).detail).toBe('heads go with component "head" only, not with "resid_pre"');
    const attention = { op: "sublayers", steps: [{ layer: 1, component: "attn" }] };
    expect(refusal(attention, patch({ component: "mlp_out" })).detail).toBe(
      "the mlp of layer 1 does not run any more: an earlier operation left it out",
    );
    expect(compiled(attention, patch({})).schedules[0]?.steps[0]?.[0]?.edits).toHaveLength(1);
  });
});

describe("A patch sweep", () => {
  const sweep = (more: object, shape = model, tokens = TOKENS) =>
    compileVariants(
      {
        sweep: PatchSweep.parse({ op: "patch", component: "resid_pre", source: { prompt: "abcdefghi" }, ...more }),
        baseline: true,
      },
      shape,
      tokens,
      words,
    );
  const names = (...given: Parameters<typeof sweep>) => sweep(...given).schedules.map(({ name }) => name);

  it("Is one variant per layer and position, or head, of one source", () => {
    expect(names({ layers: [0, 2], positions: [1, -1] })).toEqual("baseline patch.0.1 patch.0.7 patch.2.1 patch.2.7".split(" "));
    expect(names({ component: "head", layers: [1], heads: [0, 3] })).toEqual(["baseline", "patch.1.0", "patch.1.3"]);
    expect(names({})).toHaveLength(1 + 6 * 8);
    expect(names({ component: "head" })).toHaveLength(1 + 6 * 4);
    const { resources, normalise } = sweep({});
    expect([resources.sources.length, normalise]).toEqual([1, 0]);
  });

  it("Goes as far as 30 layers at 16 positions, and is refused with both numbers beyond its bound", () => {
    const source = { prompt: "x".repeat(40) };
    expect(names({ source }, { ...model, nLayers: 30 }, 16)).toHaveLength(481);
    expect(refused(() => sweep({ source }, { ...model, nLayers: 30 }, 35)).detail).toBe(
      "a sweep of 1050 variants (30 layers × 35 positions) is more than the most allowed, 1024",
    );
  });

  it("Is refused as patches are", () => {
    expect(refused(() => sweep({ source: { prompt: "abc" } }))).toMatchObject({
      detail: '"all" goes to position 7, which does not exist in the source: the source has 3 tokens, so positions 0 to 2',
      errors: [{ pointer: "/sweep/positions" }],
    });
    expect(refused(() => sweep({ heads: [1] })).errors?.[0]?.pointer).toBe("/sweep/heads");
    expect(refused(() => sweep({ layers: [9] })).errors?.[0]?.pointer).toBe("/sweep/layers/0");
  });
});
