import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldsByText, type Split, splitByText } from "../../src/metrics/split-by-text.ts";

const textIds = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 2, maxLength: 40 }).filter((ids) => new Set(ids).size >= 2);
const textsOf = (ids: readonly number[], rows: Int32Array) => new Set(Array.from(rows, (row) => ids[row] as number));

/** Every row on one side, no text on both, both sides in order. */
function expectSound(ids: readonly number[], { train, test: tested }: Split) {
  expect([...train, ...tested].sort((a, b) => a - b)).toEqual([...ids.keys()]);
  const training = textsOf(ids, train);
  expect([...textsOf(ids, tested)].filter((text) => training.has(text))).toEqual([]);
  for (const rows of [train, tested]) expect([...rows]).toEqual([...rows].sort((a, b) => a - b));
}

describe("Splits by text", () => {
  test("share no text, have the share of texts asked for, and depend on the seed alone", () => {
    fc.assert(
      fc.property(textIds, fc.double({ min: 0.05, max: 0.95, noNaN: true }), fc.nat(), (ids, fraction, seed) => {
        const split = splitByText(ids, fraction, seed);
        expectSound(ids, split);
        const texts = new Set(ids).size;
        const expected = Math.min(Math.max(Math.round(fraction * texts), 1), texts - 1);
        expect(textsOf(ids, split.train).size).toBe(expected);
        expect(splitByText(ids, fraction, seed)).toEqual(split);
      }),
      { numRuns: 200, seed: 51 },
    );
  });

  test("differ between seeds, every text tested about as often", () => {
    const ids = [0, 1, 2, 3, 4];
    const counts = new Array<number>(5).fill(0);
    for (let seed = 0; seed < 2000; seed++) {
      const [tested] = splitByText(ids, 0.8, seed).test;
      counts[tested as number] = (counts[tested as number] as number) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 400)).toBeLessThan(80);
  });

  test("need two texts and a share between 0 and 1", () => {
    expect(() => splitByText([7, 7], 0.8, 1)).toThrow(
      new RangeError("rows of 1 texts cannot be split by text: at least 2 are needed"),
    );
    expect(() => splitByText([1, 2], 1, 1)).toThrow(new RangeError("the training share lies between 0 and 1, not at 1"));
  });
});

describe("Folds by text", () => {
  test("test every row once, in folds of nearly as many texts", () => {
    fc.assert(
      fc.property(textIds, fc.integer({ min: 2, max: 5 }), fc.nat(), (ids, wanted, seed) => {
        const count = Math.min(wanted, new Set(ids).size);
        const folds = foldsByText(ids, count, seed);
        expect(folds.length).toBe(count);
        for (const fold of folds) expectSound(ids, fold);
        expect(folds.flatMap((fold) => [...fold.test]).sort((a, b) => a - b)).toEqual([...ids.keys()]);
        const sizes = folds.map((fold) => textsOf(ids, fold.test).size);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(foldsByText(ids, count, seed)).toEqual(folds);
      }),
      { numRuns: 200, seed: 52 },
    );
  });

  test("are at least two, and at most one a text", () => {
    expect(() => foldsByText([1, 2], 1, 0)).toThrow(new RangeError("cross-validation takes at least 2 folds, not 1"));
    expect(() => foldsByText([1, 2, 2], 3, 0)).toThrow(new RangeError("rows of 2 texts cannot be split into 3 folds by text"));
  });
});
