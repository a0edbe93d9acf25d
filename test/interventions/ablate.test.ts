import { describe, expect, it } from "vitest";
import { hash, model, refusal, schedule } from "./help.ts";

const edits = (block: number, ...written: Parameters<typeof schedule>) =>
  schedule(...written)
    .steps.flat()
    .find((use) => use.block === block)?.edits;

describe("ablate", () => {
  it("Scales a component, a head, or positions", () => {
    expect(schedule({ op: "ablate", component: "mlp", layers: [1] }).steps.slice(0, 3)).toEqual([
      [{ block: 0 }],
      [{ block: 1, edits: [{ site: "mlp_out", scale: 0 }] }],
      [{ block: 2 }],
    ]);
    expect(edits(1, { op: "ablate", component: "head", layers: [1], heads: [3, 0], with: { scale: 0.5 } })).toEqual([
      { site: "z", head: 0, scale: 0.5 },
      { site: "z", head: 3, scale: 0.5 },
    ]);
    expect(edits(1, { op: "ablate", component: "attn", layers: [1], positions: [-1, 0, 7] })).toEqual([
      { site: "attn_out", scale: 0, positions: [0, 7] },
    ]);
  });

  it("Goes where its block goes, every time it stands there", () => {
    const ablate = { op: "ablate", component: "attn", layers: [1], with: { scale: 2 } };
    const scaled = [{ block: 1, edits: [{ site: "attn_out", scale: 2 }] }];
    expect(schedule(ablate, { op: "order", layers: [1, 0, 1] }).steps).toEqual([scaled, [{ block: 0 }], scaled]);
    expect(schedule({ op: "order", layers: [1, 0, 1] }, ablate).steps).toEqual([scaled, [{ block: 0 }], scaled]);
  });

  it("Composes by multiplication", () => {
    const half = { op: "ablate", component: "mlp", layers: [2], with: { scale: 0.5 } };
    expect(edits(2, half, half)).toEqual([{ site: "mlp_out", scale: 0.25 }]);
    expect(edits(2, half, { ...half, with: { scale: 2 } })).toBeUndefined();
    expect(edits(2, half, { ...half, positions: [3] })).toEqual([
      { site: "mlp_out", scale: 0.5, positions: [0, 1, 2, 4, 5, 6, 7] },
      { site: "mlp_out", scale: 0.25, positions: [3] },
    ]);
    expect(edits(2, { ...half, with: "zero" }, { ...half, positions: [3] })).toEqual([{ site: "mlp_out", scale: 0 }]);
    expect(edits(2, { ...half, positions: [5, 1] }, { ...half, positions: [1], with: { scale: 4 } })).toEqual([
      { site: "mlp_out", scale: 2, positions: [1] },
      { site: "mlp_out", scale: 0.5, positions: [5] },
    ]);
    expect(edits(2, { ...half, positions: [0, 1, 2, 3, 4, 5, 6, 7] })).toEqual([{ site: "mlp_out", scale: 0.5 }]);
    expect(edits(2, { ...half, with: { scale: -1 } }, { ...half, with: "zero" })).toEqual([{ site: "mlp_out", scale: 0 }]);
  });

  it("Leaves no trace on a half that does not run", () => {
    const mlpOnly = { op: "sublayers", steps: [{ layer: 0, component: "mlp" }] };
    expect(hash({ op: "ablate", component: "attn", layers: [0] }, mlpOnly)).toBe(hash(mlpOnly));
    expect(refusal(mlpOnly, { op: "ablate", component: "attn", layers: [0] }).detail).toBe(
      "the attn of layer 0 does not run any more: an earlier operation left it out",
    );
  });

  it("Is refused for heads and positions that are not there", () => {
    const head = { op: "ablate", component: "head", layers: [0] };
    expect(refusal(head)).toMatchObject({
      detail: 'heads are required with component "head": prose-6m has heads 0 to 3',
      errors: [{ pointer: "/interventions/0/heads" }],
    });
    expect(refusal({ ...head, heads: [0, model.nHeads] })).toMatchObject({
      detail: "head 4 is out of range: prose-6m has heads 0 to 3",
      errors: [{ pointer: "/interventions/0/heads/1" }],
    });
    expect(refusal({ ...head, heads: [2, 2] }).detail).toBe("head 2 is named twice");
    expect(refusal({ ...head, component: "mlp", heads: [2] }).detail).toBe('heads go with component "head" only, not with "mlp"');
    expect(refusal({ ...head, heads: [2], positions: [0, 8] })).toMatchObject({
      detail: "position 8 is out of range: the prompt has 8 tokens, so positions -8 to 7",
      errors: [{ pointer: "/interventions/0/positions/1" }],
    });
    expect(refusal({ ...head, heads: [2], positions: [-9] }).detail).toBe(
      "position -9 is out of range: the prompt has 8 tokens, so positions -8 to 7",
    );
  });
});
