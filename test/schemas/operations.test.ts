import { describe, expect, it } from "vitest";
import { OPERATION_NAMES, Operation, Operations } from "../../src/schemas/operations.ts";
import { complaints } from "./help.ts";

const of = (operation: object) => complaints(Operations, [operation]);

describe("Operations", () => {
  it("Have names and defaults", () => {
    expect(OPERATION_NAMES.join(" ")).toBe(
      "delete swap repeat reverse shuffle replace exit order parallel sublayers ablate steer patch",
    );
    expect(Operation.parse({ op: "repeat", layers: [1] })).toEqual({ op: "repeat", layers: [1], times: 2, mode: "each" });
    expect(Operation.parse({ op: "parallel", layers: { from: 1, to: 2 } })).toEqual({
      op: "parallel",
      layers: { from: 1, to: 2 },
      times: 1,
    });
    expect(Operation.parse({ op: "ablate", component: "mlp", layers: [1] })).toMatchObject({ with: "zero", positions: "all" });
  });

  it("Are told apart by op", () => {
    expect(of({ op: "erase" })).toEqual([
      '/0/op: "erase" is not one of "delete", "swap", "repeat", "reverse", "shuffle", "replace", "exit", "order", "parallel", "sublayers", "ablate", "steer", "patch"',
    ]);
    expect(of({ layers: [1] })[0]).toMatch(/^\/0\/op: is required: one of "delete"/);
  });

  it("Complain about the fields of the operation that was meant", () => {
    expect(of({ op: "delete", layers: [1], layer: 1 })).toEqual(['/0: there is no field "layer" in "delete"; it has layers']);
    expect(of({ op: "delete", layers: "1" })).toEqual(['/0/layers: "1" is not a list or an object']);
    expect(of({ op: "delete", layers: [] })).toEqual(["/0/layers: a list of 0 is less than the least allowed, 1"]);
    expect(of({ op: "delete", layers: [-1025] })).toEqual(["/0/layers/0: -1025 is less than the least allowed, -1024"]);
    expect(of({ op: "exit", after: 1024 })).toEqual(["/0/after: 1024 is more than the most allowed, 1023"]);
    expect(of({ op: "delete", layers: { from: 1 } })).toEqual(["/0/layers/to: is required: a number"]);
    expect(of({ op: "delete", layers: { from: 1, to: 2, by: 1 } })).toEqual([
      '/0/layers: there is no field "by"; there are from, to',
    ]);
    expect(of({ op: "order", layers: [0, [1, "a"]] })).toEqual(['/0/layers/1/1: "a" is not a number']);
    expect(of({ op: "repeat", layers: [0], times: 65 })).toEqual(["/0/times: 65 is more than the most allowed, 64"]);
    expect(of({ op: "shuffle", layers: [0], seed: -1 })).toEqual(["/0/seed: -1 is less than the least allowed, 0"]);
    expect(of({ op: "ablate", component: "mlp", layers: [0], with: { scale: 1e9 } })).toEqual([
      "/0/with/scale: 1000000000 is more than the most allowed, 1000",
    ]);
  });

  it("Say what an ablation puts in the place of a component", () => {
    const ablate = (more: object) => of({ op: "ablate", component: "mlp", layers: [0], ...more });
    expect(ablate({ component: "neurons" })).toEqual(['/0/component: "neurons" is not one of "attn", "mlp", "head", "neuron"']);
    expect(ablate({ with: "mean" })).toEqual(['/0/with: "mean" is not "zero" or an object']);
    expect(ablate({ with: {} })).toEqual(["/0/with: is empty: give scale or mean"]);
    expect(ablate({ with: { scale: 1, mean: { texts: ["a b"] } } })).toEqual(["/0/with: give either scale or mean, not both"]);
    expect(ablate({ with: { mean: {} } })).toEqual(["/0/with/mean/texts: is required: a list of texts, or dataset in its place"]);
    expect(ablate({ with: { mean: { texts: 3 } } })).toEqual([
      "/0/with/mean/texts: 3 is how many texts of a dataset, which is missing: give dataset, or a list of texts",
    ]);
    expect(ablate({ with: { mean: { dataset: "prose-heldout", texts: ["a"] } } })[0]).toMatch(/give either dataset or a list/);
    expect(ablate({ with: { mean: { dataset: "prose-heldout", texts: 0 } } })).toEqual([
      "/0/with/mean/texts: 0 is less than the least allowed, 1",
    ]);
    expect(ablate({ with: { mean: { dataset: "prose-heldout", tokens_per_text: 1 } } })).toEqual([
      "/0/with/mean/tokens_per_text: 1 is less than the least allowed, 2",
    ]);
    expect(ablate({ component: "neuron", neurons: [70_000] })).toEqual([
      "/0/neurons/0: 70000 is more than the most allowed, 65535",
    ]);
  });

  it("Steer by a vector or by tokens", () => {
    const steer = (more: object) => of({ op: "steer", layer: 1, ...more });
    expect(Operation.parse({ op: "steer", layer: 1, toward: " a" })).toEqual({
      ...{ op: "steer", layer: 1, toward: " a", scale: 1, scale_by: "unit", positions: "all" },
    });
    expect(steer({})).toEqual(["/0/vector: is required: a vector, or toward or away in its place"]);
    expect(steer({ vector: [1], away: 3 })).toEqual(["/0/vector: give either a vector, or toward and away, not both"]);
    expect(steer({ vector: [1, null] })).toEqual(["/0/vector/1: null is not a number"]);
    expect(steer({ vector: [1e9] })).toEqual(["/0/vector/0: 1000000000 is more than the most allowed, 1000000"]);
    expect(steer({ vector: [Number.POSITIVE_INFINITY] })).toHaveLength(1);
    expect(steer({ vector: [Number.NaN] })).toHaveLength(1);
    expect(steer({ vector: [] })).toEqual(["/0/vector: a list of 0 is less than the least allowed, 1"]);
    expect(steer({ toward: "" })[0]).toMatch("/0/toward");
    expect(steer({ toward: 1, scale: -1e7 })).toEqual(["/0/scale: -10000000 is less than the least allowed, -1000000"]);
    expect(steer({ toward: 1, scale_by: "norm" })).toEqual(['/0/scale_by: "norm" is not one of "unit", "residual"']);
  });

  it("Patch from one other prompt", () => {
    const patch = (more: object) => of({ op: "patch", component: "resid_pre", layers: [1], source: { prompt: "a" }, ...more });
    expect(patch({})).toEqual([]);
    expect(patch({ component: "resid_mid" })).toEqual([
      '/0/component: "resid_mid" is not one of "resid_pre", "attn_out", "mlp_out", "head"',
    ]);
    expect(patch({ source: undefined })).toEqual(["/0/source: is required: an object"]);
    expect(patch({ source: {} })).toEqual(["/0/source/prompt: is required: a prompt, or tokens or messages in its place"]);
    expect(patch({ source: { prompt: "a", tokens: [1] } })).toEqual(["/0/source/tokens: give either prompt or tokens, not both"]);
    expect(patch({ source: { tokens: [] } })).toEqual(["/0/source/tokens: a list of 0 is less than the least allowed, 1"]);
  });
});
