import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_STEPS } from "../../src/schemas/limits.ts";
import { hash, model, places, refused, schedule, type Written } from "./help.ts";

const L = model.nLayers;
const layer = fc.integer({ min: 0, max: L - 1 });
const layers = fc.uniqueArray(layer, { minLength: 1, maxLength: L });
const scale = fc.constantFrom(0, 0.25, 0.5, 2, -1, 1);
const component = fc.constantFrom("attn", "mlp");
const range = fc.tuple(layer, layer).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const times = fc.integer({ min: 1, max: 5 });

const operation: fc.Arbitrary<Written> = fc.oneof(
  fc.record({ op: fc.constantFrom("delete", "reverse", "shuffle"), layers }),
  fc.record({ op: fc.constant("swap"), layers: fc.uniqueArray(layer, { minLength: 2, maxLength: 2 }) }),
  fc.record({ op: fc.constant("repeat"), layers: range, times, mode: fc.constantFrom("each", "span") }),
  fc.record({ op: fc.constant("parallel"), layers: range, times }),
  fc.record({ op: fc.constant("replace"), layer, with: layer }),
  fc.record({ op: fc.constant("exit"), after: layer }),
  fc.record({ op: fc.constant("order"), layers: fc.array(fc.oneof(layer, layers), { maxLength: 12 }) }),
  fc.record({
    op: fc.constant("sublayers"),
    steps: fc.array(fc.record({ layer, component: fc.constantFrom("attn", "mlp", "block") }), { maxLength: 12 }),
  }),
  fc.record({ op: fc.constant("ablate"), component, layers, with: fc.record({ scale }) }),
  fc.record({
    op: fc.constant("ablate"),
    component: fc.constant("head"),
    layers,
    heads: fc.uniqueArray(fc.integer({ min: 0, max: model.nHeads - 1 }), { minLength: 1 }),
    positions: fc.array(fc.integer({ min: -8, max: 7 }), { minLength: 1, maxLength: 4 }),
  }),
);

describe("Laws", () => {
  const baseline = hash();

  it("A swap twice is the baseline", () => {
    fc.assert(
      fc.property(fc.uniqueArray(layer, { minLength: 2, maxLength: 2 }), (pair) => {
        expect(hash({ op: "swap", layers: pair }, { op: "swap", layers: [...pair].reverse() })).toBe(baseline);
      }),
    );
  });

  it("The order 0 … L−1 is the baseline", () => {
    expect(hash({ op: "order", layers: [0, 1, 2, 3, 4, 5] })).toBe(baseline);
    expect(hash({ op: "sublayers", steps: [0, 1, 2, 3, 4, 5].map((one) => ({ layer: one })) })).toBe(baseline);
  });

  it("A reverse twice is the baseline", () => {
    fc.assert(
      fc.property(layers, (some) => {
        expect(hash({ op: "reverse", layers: some }, { op: "reverse", layers: some })).toBe(baseline);
      }),
    );
  });

  it("Scales of 1, and scales that undo each other, are no intervention", () => {
    fc.assert(
      fc.property(layers, component, (some, half) => {
        const by = (value: number) => ({ op: "ablate", component: half, layers: some, with: { scale: value } });
        expect(hash(by(1))).toBe(baseline);
        expect(hash(by(2), by(0.5))).toBe(baseline);
      }),
    );
  });

  it("The order of deletions does not matter, nor whether they are one or many", () => {
    fc.assert(
      fc.property(layers, (some) => {
        const together = hash({ op: "delete", layers: some });
        expect(hash(...some.map((one) => ({ op: "delete", layers: [one] })))).toBe(together);
        expect(hash(...[...some].reverse().map((one) => ({ op: "delete", layers: [one] })))).toBe(together);
      }),
    );
  });

  it("The order of scales does not matter, nor whether they come before a move or after it", () => {
    fc.assert(
      fc.property(layers, layers, scale, scale, (some, others, a, b) => {
        const first = { op: "ablate", component: "mlp", layers: some, with: { scale: a } };
        const second = { op: "ablate", component: "head", layers: others, heads: [2, 0], with: { scale: b }, positions: [1, -2] };
        const move = { op: "reverse", layers: some };
        const all = hash(first, second, move);
        expect(hash(second, first, move)).toBe(all);
        expect(hash(move, first, second)).toBe(all);
      }),
    );
  });

  it("A shuffle is a permutation of the places that it was given, and the seed decides it", () => {
    fc.assert(
      fc.property(layers, fc.maxSafeNat(), (some, seed) => {
        const shuffle = { op: "shuffle", layers: some, seed };
        const order = places(shuffle).split(" ").map(Number);
        expect([...order].sort()).toEqual([0, 1, 2, 3, 4, 5]);
        for (const [place, block] of order.entries()) if (!some.includes(place)) expect(block).toBe(place);
        expect(places(shuffle)).toBe(order.join(" "));
      }),
    );
  });

  it("Any operations give a schedule of the model's blocks, or a reason", () => {
    let compiled = 0;
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6 }), (written) => {
        const { steps } = attempt(written) ?? { steps: [] };
        if (steps.length > 0) compiled++;
        expect(steps.length).toBeLessThanOrEqual(MAX_STEPS);
        for (const step of steps) {
          expect(step.length).toBeGreaterThan(0);
          expect(new Set(step.map(({ block }) => block)).size).toBe(step.length);
          for (const { block, component: half, edits } of step) {
            expect(block >= 0 && block < L).toBe(true);
            if (half) expect(step.length).toBe(1);
            if (edits) expect(edits.length).toBeGreaterThan(0);
            for (const edit of edits ?? []) expect(edit.scale).not.toBe(1);
          }
        }
      }),
      { numRuns: 2000 },
    );
    expect(compiled).toBeGreaterThan(500);
  });
});

function attempt(written: readonly Written[]): { steps: ReturnType<typeof schedule>["steps"] } | undefined {
  try {
    return schedule(...written);
  } catch {
    const problem = refused(() => schedule(...written));
    expect(problem.code).toBe("invalid_intervention");
    expect(problem.detail).toMatch(/layer|step/);
    expect(problem.errors?.[0]?.pointer).toMatch(/^\/interventions\/\d/);
    return undefined;
  }
}
