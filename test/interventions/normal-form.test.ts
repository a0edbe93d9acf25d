import { describe, expect, it } from "vitest";
import { normalForm } from "../../src/interventions/normal-form.ts";
import { Variant } from "../../src/schemas/normal-form.ts";
import { hash, schedule } from "./help.ts";

describe("normalForm", () => {
  it("Spells the steps out as they go over the wire", () => {
    const form = normalForm(
      schedule(
        { op: "ablate", component: "head", layers: [2], heads: [1], with: { scale: 0.5 }, positions: [-1] },
        { op: "ablate", component: "mlp", layers: [2, 3] },
        { op: "order", layers: [0, [2, 3]] },
      ),
    );
    expect(form).toEqual({
      name: "intervened",
      steps: [
        { blocks: [0] },
        {
          blocks: [2, 3],
          scales: [
            { block: 2, site: "head", head: 1, scale: 0.5, positions: [7] },
            { block: 2, site: "mlp", scale: 0 },
            { block: 3, site: "mlp", scale: 0 },
          ],
        },
      ],
      hash: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(Variant.parse(form)).toEqual(form);
    expect(normalForm(schedule({ op: "sublayers", steps: [{ layer: 1, component: "attn" }] })).steps).toEqual([
      { blocks: [1], component: "attn" },
    ]);
  });

  it("Hashes what is computed, not how it was said", () => {
    expect(hash()).toBe("fcb1883fb7309ba9");
    expect(hash({ op: "delete", layers: [5] })).toBe(hash({ op: "exit", after: 4 }));
    expect(hash({ op: "delete", layers: [5] })).not.toBe(hash({ op: "delete", layers: [4] }));
  });
});
