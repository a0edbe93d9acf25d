/** Streaming means and ratios against the formulas written out over all observations. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClusteredMean, ClusteredRatio, momentsOf } from "../../src/metrics/clustered-mean.ts";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function direct(texts: readonly (readonly number[])[]) {
  const all = texts.flat();
  const mean = sum(all) / all.length;
  const G = texts.filter((text) => text.length > 0).length;
  const clusters = texts.map((text) => sum(text.map((x) => x - mean)) ** 2);
  return {
    mean,
    std: Math.sqrt(sum(all.map((x) => (x - mean) ** 2)) / all.length),
    sem: Math.sqrt((G / (G - 1)) * sum(clusters)) / all.length,
  };
}

function streamed(texts: readonly (readonly number[])[]) {
  const mean = new ClusteredMean();
  for (const text of texts) {
    const moments = momentsOf(text);
    mean.add(moments.count, moments.mean, moments.m2);
  }
  return mean.finish();
}

/** Multiples of 1/8 below 2¹⁰: adding 2³⁰ to them loses no bit. */
const value = fc.integer({ min: -8000, max: 8000 }).map((n) => n / 8);
const someTexts = fc
  .array(fc.array(value, { maxLength: 9 }), { minLength: 2, maxLength: 12 })
  .filter((texts) => texts.filter((text) => text.length > 0).length >= 2);

describe("Moments of one text", () => {
  test("are the textbook's", () => {
    expect(momentsOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ count: 8, mean: 5, m2: 32 });
    expect(momentsOf(Float32Array.of(3))).toEqual({ count: 1, mean: 3, m2: 0 });
    expect(momentsOf([])).toEqual({ count: 0, mean: 0, m2: 0 });
    expect(momentsOf([1, Number.NaN]).mean).toBeNaN();
  });

  test("of a constant have no spread, whatever its rounding", () => {
    const { mean, m2 } = momentsOf(new Array<number>(1000).fill(0.1));
    expect(mean).toBeCloseTo(0.1, 16);
    expect(m2).toBeLessThan(1e-28);
  });
});

describe("A mean clustered by text", () => {
  test("of whole numbers is k/n to the last bit, however texts are cut", () => {
    expect(streamed([[0], [0], [1]]).mean).toBe(1 / 3);
    expect(streamed([[1], [-1], [1], [-1], [0], [0], [0]]).mean).toBe(0);
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: -1, max: 1 }), { minLength: 1, maxLength: 9 }), { minLength: 1 }),
        (texts) => {
          const all = texts.flat();
          expect(streamed(texts).mean).toBe(sum(all) / all.length + 0);
        },
      ),
    );
  });

  test("of others is left as it is", () => {
    const { mean } = streamed([[0.1], [0.25], [1e-9]]);
    expect(Math.abs(mean - (0.1 + 0.25 + 1e-9) / 3)).toBeLessThan(1e-16);
  });

  test("of rows that are right or wrong is k/n to the last bit, however many there are and in whatever order", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1), { minLength: 2, maxLength: 200 }), (right) => {
        expect(streamed(right.map((one) => [one])).mean).toBe(sum(right) / right.length);
      }),
    );
  });

  test("does not lose small terms beside large ones", () => {
    const texts = [[1e16], ...Array.from({ length: 1000 }, () => [1]), [-1e16]];
    expect(streamed(texts).mean).toBe(1000 / 1002);
  });

  test("is the direct formula", () => {
    fc.assert(
      fc.property(someTexts, (texts) => {
        const expected = direct(texts);
        const found = streamed(texts);
        expect(Math.abs(found.mean - expected.mean)).toBeLessThan(1e-10);
        expect(Math.abs(found.std - expected.std)).toBeLessThan(1e-9);
        // Where each text's deviations cancel, both are a rounding away from 0, and the root magnifies it.
        expect(Math.abs((found.sem as number) - expected.sem)).toBeLessThan(1e-9);
        expect(found.count).toBe(texts.flat().length);
        expect(found.clusters).toBe(texts.filter((text) => text.length > 0).length);
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  test("loses no digits to a large offset", () => {
    fc.assert(
      fc.property(someTexts, (texts) => {
        const plain = streamed(texts);
        const far = streamed(texts.map((text) => text.map((x) => x + 2 ** 30)));
        expect(Math.abs(far.mean - 2 ** 30 - plain.mean)).toBeLessThan(1e-6);
        expect(Math.abs(far.std - plain.std)).toBeLessThan(1e-6);
        expect(Math.abs((far.sem as number) - (plain.sem as number))).toBeLessThan(1e-6);
      }),
      { numRuns: 200, seed: 12 },
    );
  });

  test("survives a first text that is far from all others", () => {
    const others = Array.from({ length: 200 }, (_, g) => [g % 7, (g * 3) % 5, 1]);
    const texts = [[1e8], ...others];
    const expected = direct(texts);
    const found = streamed(texts);
    expect(found.std / expected.std).toBeCloseTo(1, 12);
    expect((found.sem as number) / expected.sem).toBeCloseTo(1, 12);
  });

  test("equals the plain standard error when every text has one token: std/sqrt(G − 1)", () => {
    const values = [1, 2, 4, 8, 16];
    const { std, sem } = streamed(values.map((x) => [x]));
    expect(sem).toBeCloseTo(std / 2, 12);
  });

  test("has a standard error of 0, exactly, where every text is the same constant", () => {
    expect(streamed([[0.1], [0.1, 0.1], [0.1]])).toEqual({ mean: 0.1, std: 0, sem: 0, count: 4, clusters: 3 });
  });

  test("has no standard error below two texts, and is NaN without any", () => {
    expect(streamed([[1, 3], []])).toEqual({ mean: 2, std: 1, sem: null, count: 2, clusters: 1 });
    expect(streamed([])).toEqual({ mean: Number.NaN, std: Number.NaN, sem: null, count: 0, clusters: 0 });
  });

  test("can be read while it grows", () => {
    const mean = new ClusteredMean();
    mean.add(2, 1, 0);
    expect(mean.finish().mean).toBe(1);
    mean.add(2, 3, 0);
    expect(mean.finish()).toEqual({ mean: 2, std: 1, sem: Math.sqrt(2 * 8) / 4, count: 4, clusters: 2 });
  });
});

describe("A ratio clustered by text", () => {
  const pairs = fc.array(
    fc.record({ a: value, b: fc.integer({ min: 1, max: 4000 }).map((n) => n / 8), n: fc.integer({ min: 1, max: 20 }) }),
    { minLength: 2, maxLength: 12 },
  );
  const ratioOf = (texts: readonly { a: number; b: number; n: number }[]) => {
    const ratio = new ClusteredRatio();
    for (const { a, b, n } of texts) ratio.add(a, b, n);
    return ratio.finish();
  };

  test("is the direct formula", () => {
    fc.assert(
      fc.property(pairs, (texts) => {
        const B = sum(texts.map(({ b }) => b));
        const R = sum(texts.map(({ a }) => a)) / B;
        const G = texts.length;
        const sem = Math.sqrt((G / (G - 1)) * sum(texts.map(({ a, b }) => (a - R * b) ** 2))) / B;
        const found = ratioOf(texts);
        expect(found.ratio).toBe(R);
        expect(Math.abs((found.sem as number) - sem)).toBeLessThan(1e-10 * (1 + sem));
        expect(found.count).toBe(sum(texts.map(({ n }) => n)));
        expect(found.clusters).toBe(G);
      }),
      { numRuns: 300, seed: 13 },
    );
  });

  test("over counts is the mean, with the mean's standard error", () => {
    const texts = [[1, 5, 2], [4], [3, 3, 9, 1]];
    const { mean, sem } = streamed(texts);
    const found = ratioOf(texts.map((text) => ({ a: sum(text), b: text.length, n: text.length })));
    expect(found.ratio).toBeCloseTo(mean, 12);
    expect(found.sem).toBeCloseTo(sem as number, 12);
  });

  test("takes texts whose denominator is 0, and has no number where all are", () => {
    const found = ratioOf([
      { a: 1, b: 0, n: 1 },
      { a: 2, b: 4, n: 1 },
      { a: 9, b: 9, n: 0 },
    ]);
    // R = 3/4; residuals 1 and 2 − 3.
    expect(found).toEqual({ ratio: 0.75, sem: Math.sqrt(2 * 2) / 4, count: 2, clusters: 2 });
    const none = { ratio: Number.NaN, sem: null, count: 2, clusters: 2 };
    expect(ratioOf([1, 2].map((a) => ({ a, b: 0, n: 1 })))).toEqual(none);
    expect(ratioOf([{ a: 1, b: 2, n: 3 }])).toEqual({ ratio: 0.5, sem: null, count: 3, clusters: 1 });
    expect(ratioOf([])).toEqual({ ratio: Number.NaN, sem: null, count: 0, clusters: 0 });
  });
});
