import { describe, expect, it } from "vitest";
import { OPERATION_NAMES, Operation, Operations } from "../../src/schemas/operations.ts";
import { complaints } from "./help.ts";

const of = (operation: object) => complaints(Operations, [operation]);

describe("Operations", () => {
  it("Have names and defaults", () => {
    expect(OPERATION_NAMES.join(" ")).toBe("delete swap repeat reverse shuffle replace exit order parallel sublayers ablate");
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
      '/0/op: "erase" is not one of "delete", "swap", "repeat", "reverse", "shuffle", "replace", "exit", "order", "parallel", "sublayers", "ablate"',
    ]);
    expect(of({ layers: [1] })[0]).toMatch(/^\/0\/op: is required: one of "delete"/);
  });

  it("Complain about the fields of the operation that was meant", () => {
    expect(of({ op: "delete", layers: [1], layer: 1 })).toEqual(['/0: there is no field "layer" in "delete"; it has layers']);
    expect(of({ op: "delete", layers: "1" })).toEqual(['/0/layers: "1" is not a list or an object']);
    expect(of({ op: "delete", layers: [] })).toEqual(["/0/layers: a list of 0 is less than the least allowed, 1"]);
    expect(of({ op: "delete", layers: [-1] })).toEqual(["/0/layers/0: -1 is less than the least allowed, 0"]);
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

  it("That this version has not are refused by name", () => {
    expect(of({ op: "steer", layer: 1 })).toEqual(['/0/op: the operation "steer" is not available in this version']);
    expect(of({ op: "patch" })).toEqual(['/0/op: the operation "patch" is not available in this version']);
    expect(of({ op: "ablate", component: "neuron", layers: [0] })).toEqual([
      '/0/component: ablate of component "neuron" is not available in this version; attn, mlp and head are',
    ]);
    expect(of({ op: "ablate", component: "mlp", layers: [0], with: { mean: { dataset: "prose-heldout" } } })).toEqual([
      '/0/with: ablate with a mean is not available in this version; "zero" and { "scale": … } are',
    ]);
    expect(of({ op: "ablate", component: "mlp", layers: [0], with: "mean" })).toEqual([
      '/0/with: "mean" is not "zero" or an object',
    ]);
  });
});
