import { describe, expect, it } from "vitest";
import { compileVariants } from "../../src/interventions/compile.ts";
import { MAX_STEPS } from "../../src/schemas/limits.ts";
import { model, parsed, refused, TOKENS, words } from "./help.ts";

const compile = (request: Parameters<typeof compileVariants>[0], shape = model) => compileVariants(request, shape, TOKENS, words);
const names = (request: Parameters<typeof compileVariants>[0]) => compile(request).schedules.map(({ name }) => name);

describe("compileVariants", () => {
  it("Runs only the baseline when nothing is asked for", () => {
    expect(compile({ baseline: true })).toMatchObject({
      schedules: [{ name: "baseline", steps: [0, 1, 2, 3, 4, 5].map((block) => [{ block }]) }],
      baseline: 0,
      resources: { vectors: [], sources: [] },
      normalise: null,
    });
  });

  it("Puts the baseline first, or leaves it out", () => {
    expect(names({ interventions: [], baseline: true })).toEqual(["baseline", "intervened"]);
    expect(compile({ interventions: [], baseline: false })).toMatchObject({
      schedules: [{ name: "intervened" }],
      baseline: null,
    });
    expect(names({ variants: { b: [], a: parsed([{ op: "delete", layers: [1] }]) }, baseline: true })).toEqual([
      "baseline",
      "b",
      "a",
    ]);
  });

  it("Sweeps every deletion and every swap of neighbours", () => {
    expect(names({ sweep: ["delete", "swap"], baseline: true })).toEqual(
      "baseline delete.0 delete.1 delete.2 delete.3 delete.4 delete.5 swap.0 swap.1 swap.2 swap.3 swap.4".split(" "),
    );
    const { schedules } = compile({ sweep: ["swap"], baseline: false });
    expect(schedules[4]?.steps.flat().map(({ block }) => block)).toEqual([0, 1, 2, 3, 5, 4]);
  });

  it("Refuses to run nothing", () => {
    expect(refused(() => compile({ baseline: false }))).toMatchObject({
      detail: "there is nothing to run: no interventions, no variants and no sweep, and baseline is false",
      errors: [{ pointer: "/baseline" }],
    });
  });

  it("Refuses a variant called baseline, and points into the variant that is wrong", () => {
    expect(refused(() => compile({ variants: { baseline: [] }, baseline: false })).detail).toBe(
      'a variant may not be called "baseline": that is the untouched model',
    );
    const wrong = { variants: { ok: [], "no good": parsed([{ op: "exit", after: 6 }]) }, baseline: true };
    expect(refused(() => compile(wrong)).errors?.[0]?.pointer).toBe("/variants/no good/0/after");
  });

  it("Refuses sweeps that say a thing twice, have nothing to do or too much", () => {
    expect(refused(() => compile({ sweep: ["swap", "swap"], baseline: true })).detail).toBe('"swap" is named twice');
    expect(refused(() => compile({ sweep: ["swap"], baseline: true }, { ...model, nLayers: 1 })).detail).toBe(
      "there is nothing to swap: prose-6m has one layer only",
    );
    expect(refused(() => compile({ sweep: ["delete", "swap"], baseline: true }, { ...model, nLayers: 513 })).detail).toBe(
      "a sweep of 1025 variants is more than the most allowed, 1024",
    );
  });

  it("Bounds the work of all variants together", () => {
    const long = parsed([
      { op: "order", layers: Array.from({ length: MAX_STEPS }, (_, i) => i % 6) },
      ...Array.from({ length: 63 }, () => ({ op: "exit", after: 3 })),
    ]);
    const variants = Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`v${i}`, long]));
    expect(refused(() => compile({ variants, baseline: true })).detail).toBe(
      "the request's operations walk through more than the most allowed, 1048576 blocks of schedules in all",
    );
    const wide = {
      op: "ablate",
      component: "head",
      layers: { from: 0, to: 5 },
      heads: [0, 1, 2, 3],
      positions: Array(4096)
        .fill(0)
        .map((_, i) => i),
    };
    const many = { v: parsed(Array(12).fill(wide)) };
    expect(refused(() => compileVariants({ variants: many, baseline: true }, model, 4096, words)).detail).toBe(
      "the request changes more than the most allowed, 1048576 places (layers × heads or neurons × positions) in all",
    );
  });
});
