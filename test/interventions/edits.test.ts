import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Edit } from "../../src/engine/schedule.ts";
import { compiled, hash, model, TOKENS, type Written, words } from "./help.ts";

/** What each source, vector and mean stands for, so that maps can be applied to numbers. */
const worth = (key: string) => [...key].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 97, 7) / 10;

const positions = fc.oneof(
  fc.constant("all"),
  fc.uniqueArray(fc.integer({ min: 0, max: TOKENS - 1 }), { minLength: 1, maxLength: TOKENS }),
);
const scale = fc.constantFrom(0, 0.5, 2, -1, 1);
const neuron = fc.integer({ min: 0, max: model.dMlp - 1 });
const written: fc.Arbitrary<Written> = fc.oneof(
  fc.record({
    ...{ op: fc.constant("ablate"), component: fc.constant("neuron"), layers: fc.constant([1]), positions },
    neurons: fc.uniqueArray(neuron, { minLength: 1 }),
    with: fc.oneof(fc.record({ scale }), fc.constant({ mean: { texts: ["a b"] } })),
  }),
  fc.record({
    ...{ op: fc.constant("patch"), component: fc.constant("attn_out"), layers: fc.constant([1]), positions },
    source: fc.record({ prompt: fc.constantFrom("abcdefgh", "ijklmnopq") }),
  }),
  fc.record({
    ...{ op: fc.constant("ablate"), component: fc.constant("attn"), layers: fc.constant([1]), positions },
    with: fc.oneof(fc.record({ scale }), fc.constant({ mean: { texts: ["a b"] } })),
  }),
  fc.record({
    ...{ op: fc.constant("steer"), layer: fc.constant(1), scale, positions },
    scale_by: fc.constantFrom("unit", "residual"),
    vector: fc.constantFrom([1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 2, 0, 0, 0, 0]),
  }),
  fc.record({ op: fc.constant("steer"), layer: fc.constant(1), scale, positions, toward: fc.constantFrom("a", "b") }),
);

/** Applied one after the other, as the operations say, to one number per (site, neuron, position). */
function oneByOne(operations: readonly Written[]): Map<string, number> {
  const values = new Map<string, number>();
  for (const operation of operations) {
    const { resources } = compiled(operation);
    const [term] = [...resources.vectors, ...resources.sources.map(({ key }) => ({ key: `source ${key}` }))];
    const places =
      operation.positions === "all" ? Array.from({ length: TOKENS }, (_, i) => i) : (operation.positions as number[]);
    for (const part of (operation.neurons as number[] | undefined) ?? [-1]) {
      for (const position of places) {
        const site = operation.op === "steer" ? "resid_post" : operation.component === "neuron" ? "mlp_act" : "attn_out";
        const key = `${site} ${part} ${position}`;
        const before = values.get(key) ?? 1;
        values.set(key, applied(operation, before, term ? worth(term.key) : 0));
      }
    }
  }
  return values;
}

function applied(operation: Written, before: number, added: number): number {
  if (operation.op === "patch") return added;
  if (operation.op === "ablate") {
    const { scale: factor } = operation.with as { scale?: number };
    return factor === undefined ? added : factor * before;
  }
  const norm = operation.vector && operation.scale_by === "residual" ? Math.hypot(...(operation.vector as number[])) : 1;
  const residual = operation.scale_by === "residual" ? 3 : 1;
  return before + (operation.scale as number) * residual * (added / norm);
}

/** What the engine would make of the edits; two that overlap are a mistake. */
function together(operations: readonly Written[]): Map<string, number> {
  const { schedules, resources } = compiled(...operations);
  const edits = schedules[0]?.steps[1]?.[0]?.edits ?? [];
  const values = new Map<string, number>();
  const worthOf = ({ from, index }: NonNullable<Edit["add"]>[number]) =>
    worth(from === "source" ? `source ${resources.sources[index]?.key}` : (resources.vectors[index]?.key as string));
  for (const edit of edits) {
    const parts = edit.site === "mlp_act" ? (edit.neurons ?? Array.from({ length: model.dMlp }, (_, i) => i)) : [-1];
    for (const part of parts) {
      for (const position of edit.positions ?? Array.from({ length: TOKENS }, (_, i) => i)) {
        const key = `${edit.site} ${part} ${position}`;
        expect(values.has(key), `${key} is edited twice`).toBe(false);
        const added = (edit.add ?? []).map((addend) => addend.times * (addend.perResidual ? 3 : 1) * worthOf(addend));
        values.set(
          key,
          added.reduce((sum, one) => sum + one, edit.scale),
        );
      }
    }
  }
  return values;
}

describe("Edits", () => {
  it("Composed in order, do what the operations do one after the other, and never overlap", () => {
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 6 }), (operations) => {
        const [expected, actual] = [oneByOne(operations), together(operations)];
        for (const key of new Set([...expected.keys(), ...actual.keys()]))
          expect(actual.get(key) ?? 1, key).toBeCloseTo(expected.get(key) ?? 1, 9);
      }),
      { numRuns: 500 },
    );
  });

  it("Written differently, equal computations have one form", () => {
    const on = (more: object): Written => ({ op: "ablate", component: "neuron", layers: [1], ...more });
    const every = Array.from({ length: model.dMlp }, (_, i) => i);
    expect(hash(on({ neurons: every }))).toBe(hash(on({ neurons: every.slice(5) }), on({ neurons: every.slice(0, 5) })));
    expect(compiled(on({ neurons: every })).schedules[0]?.steps[1]?.[0]?.edits).toEqual([{ site: "mlp_act", scale: 0 }]);
    const split = [
      on({ neurons: [3], positions: [0, 1, 2, 3] }),
      on({ neurons: [3], positions: [4, 5, 6, 7], with: { scale: 0.5 } }),
    ];
    const layered = [on({ neurons: [3], with: { scale: 0.5 } }), on({ neurons: [3], positions: [0, 1, 2, 3] })];
    expect(hash(...split)).toBe(hash(...layered));
    const both = compiled(on({ neurons: [4], with: { scale: 0.5 } }), on({ neurons: [4], positions: [0, 1, 2, 3] }), ...split);
    expect(both.schedules[0]?.steps[1]?.[0]?.edits).toEqual([
      { site: "mlp_act", neurons: [3, 4], scale: 0, positions: [0, 1, 2, 3] },
      { site: "mlp_act", neurons: [3, 4], scale: 0.5, positions: [4, 5, 6, 7] },
    ]);
  });

  it("Are hashed by what they add, not by where the request has it", () => {
    const steer = (vector: number[], scale = 1): Written => ({ op: "steer", layer: 0, vector, scale });
    const [a, b] = [
      [1, 2, 3, 4, 5, 6, 7, 8],
      [8, 7, 6, 5, 4, 3, 2, 1],
    ] as [number[], number[]];
    expect(hash(steer(a), steer(b))).toBe(hash(steer(b), steer(a)));
    expect(hash(steer(a))).not.toBe(hash(steer(b)));
    expect(hash(steer(a), steer(a, -1))).toBe(hash());
    expect(compiled(steer(a), steer(b), steer(a)).resources.vectors).toHaveLength(2);
    const patch = (source: object): Written => ({ op: "patch", component: "mlp_out", layers: [2], source });
    const codes = words.source({ prompt: "abcdefgh" }, "");
    expect(hash(patch({ prompt: "abcdefgh" }))).toBe(hash(patch({ tokens: codes })));
    expect(hash(patch({ prompt: "abcdefgh" }))).not.toBe(hash(patch({ prompt: "abcdefgi" })));
    expect(compiled(patch({ prompt: "abcdefgh" }), patch({ tokens: codes })).resources.sources).toHaveLength(1);
  });
});
