/** The difference of two means over the same texts, against the formula written out over all observations. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClusteredDifference } from "../../src/metrics/clustered-difference.ts";
import { ClusteredMean, momentsOf } from "../../src/metrics/clustered-mean.ts";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;

interface Text {
  readonly a: readonly number[];
  readonly b: readonly number[];
}

function direct(texts: readonly Text[]) {
  const [a, b] = [texts.flatMap((text) => text.a), texts.flatMap((text) => text.b)];
  const residuals = texts.map(
    (text) => sum(text.a.map((x) => x - mean(a))) / a.length - sum(text.b.map((x) => x - mean(b))) / b.length,
  );
  const G = texts.filter((text) => text.a.length + text.b.length > 0).length;
  return { difference: mean(a) - mean(b), sem: Math.sqrt((G / (G - 1)) * sum(residuals.map((x) => x * x))) };
}

function streamed(texts: readonly Text[]) {
  const difference = new ClusteredDifference();
  for (const { a, b } of texts) difference.add(momentsOf(a), momentsOf(b));
  return difference.finish();
}

/** Multiples of 1/8 below 2¹⁰. */
const values = fc.array(
  fc.integer({ min: -8000, max: 8000 }).map((n) => n / 8),
  { maxLength: 6 },
);
const someTexts = fc
  .array(fc.record({ a: values, b: values }), { minLength: 2, maxLength: 12 })
  .filter((texts) => texts.some(({ a }) => a.length > 0) && texts.some(({ b }) => b.length > 0))
  .filter((texts) => texts.filter(({ a, b }) => a.length + b.length > 0).length >= 2);

describe("A difference clustered by text", () => {
  test("is the direct formula, also far from 0", () => {
    fc.assert(
      fc.property(someTexts, fc.constantFrom(0, 2 ** 20), (texts, far) => {
        const moved = texts.map(({ a, b }) => ({ a: a.map((x) => x + far), b: b.map((x) => x + far) }));
        const expected = direct(texts);
        const found = streamed(moved);
        expect(Math.abs(found.difference - expected.difference)).toBeLessThan(1e-8);
        expect(Math.abs((found.sem as number) - expected.sem)).toBeLessThan(1e-5);
        expect(found.count).toBe(sum(texts.map(({ a, b }) => a.length + b.length)));
      }),
    );
  });

  test("is the mean of paired differences where every text has one of each", () => {
    const texts = [3, 5, 4, 9, 1].map((x, i) => ({ a: [x], b: [i * i] }));
    const paired = new ClusteredMean();
    for (const { a, b } of texts) paired.add(1, (a[0] as number) - (b[0] as number), 0);
    const expected = paired.finish();
    const found = streamed(texts);
    expect(found.difference).toBeCloseTo(expected.mean, 12);
    expect(found.sem).toBeCloseTo(expected.sem as number, 12);
  });

  test("of two sorts that never share a text has both variances", () => {
    const a = [1, 2, 4].map((x) => ({ a: [x], b: [] }));
    const b = [0, 7].map((x) => ({ a: [], b: [x] }));
    // Σ (a − 7/3)²/9 + Σ (b − 3.5)²/4 over the five texts.
    expect(streamed([...a, ...b]).sem).toBeCloseTo(Math.sqrt((5 / 4) * (42 / 9 / 9 + 24.5 / 4)), 12);
  });

  test("needs both sorts, and two texts for an error", () => {
    expect(streamed([{ a: [1], b: [] }])).toEqual({ difference: Number.NaN, sem: null, count: 1, clusters: 1 });
    expect(streamed([{ a: [1, 2], b: [0] }])).toEqual({ difference: 1.5, sem: null, count: 3, clusters: 1 });
  });
});
