import { expect, test } from "vitest";
import { shapeOf } from "../../src/metrics/moments.ts";

const powers = (values: readonly number[], mean: number) =>
  [2, 3, 4].map((k) => values.reduce((sum, value) => sum + (value - mean) ** k, 0)) as [number, number, number];

test("of 1, 1, 1, 5: variance 3, skew 6/3^1.5, kurtosis 21/9", () => {
  const { variance, skew, kurtosis } = shapeOf(...powers([1, 1, 1, 5], 2), 4);
  expect(variance).toBe(3);
  expect(skew).toBeCloseTo(6 / 3 ** 1.5, 14);
  expect(kurtosis).toBeCloseTo(21 / 9, 14);
});

test("scaling changes the variance alone; negating turns the skew", () => {
  const values = [0.3, -2, 5, 0.1, 0.1, 9];
  const mean = 12.5 / 6;
  const one = shapeOf(...powers(values, mean), 6);
  const other = shapeOf(
    ...powers(
      values.map((value) => -3 * value),
      -3 * mean,
    ),
    6,
  );
  expect(other.variance).toBeCloseTo(9 * one.variance, 10);
  expect(other.skew).toBeCloseTo(-one.skew, 12);
  expect(other.kurtosis).toBeCloseTo(one.kurtosis, 12);
});

test("what does not vary has no shape", () => {
  expect(shapeOf(0, 0, 0, 3)).toEqual({ variance: 0, skew: Number.NaN, kurtosis: Number.NaN });
});

test("about a point beside the mean, the same", () => {
  const values = [0.3, -2, 5, 0.1, 0.1, 9];
  const mean = 12.5 / 6;
  const about = shapeOf(...powers(values, mean), 6);
  const beside = shapeOf(...powers(values, mean - 0.25), 6, 0.25);
  for (const name of ["variance", "skew", "kurtosis"] as const) expect(beside[name]).toBeCloseTo(about[name], 12);
  // Of four ones, about 0.75.
  expect(shapeOf(4 * 0.25 ** 2, 4 * 0.25 ** 3, 4 * 0.25 ** 4, 4, 0.25)).toEqual({
    variance: 0,
    skew: Number.NaN,
    kurtosis: Number.NaN,
  });
});
