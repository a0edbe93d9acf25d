import { describe, expect, test } from "vitest";
import { standardise, standardOf } from "../../src/metrics/standardise.ts";

describe("Standardised columns", () => {
  // [4 rows, 3 columns]; the last row is for testing.
  const x = Float32Array.of(1, 10, 0.1, 3, 10, 0.1, 5, 10, 0.1, 100, 20, 7);
  const standard = standardOf(x, 3, [0, 1, 2]);

  test("have mean 0 and spread 1 over the training rows, measured on them alone", () => {
    expect([...standard.means]).toEqual([3, 10, Math.fround(0.1)]);
    expect([...standard.scales]).toEqual([Math.sqrt(8 / 3), 1, 1]);
    const train = standardise(x, standard, [0, 1, 2]);
    const column = [0, 1, 2].map((row) => train[row * 3] as number);
    expect(column.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 14);
    expect(column.reduce((sum, value) => sum + value ** 2, 0) / 3).toBeCloseTo(1, 14);
  });

  test("that do not vary become 0, with scale 1 elsewhere", () => {
    const train = standardise(x, standard, [0, 1, 2]);
    expect([0, 1, 2].flatMap((row) => [train[row * 3 + 1], train[row * 3 + 2]])).toEqual([0, 0, 0, 0, 0, 0]);
    expect([...standardise(x, standard, [3])]).toEqual([97 / Math.sqrt(8 / 3), 10, 7 - Math.fround(0.1)]);
  });

  test("keep the order of the rows named, and refuse none", () => {
    expect([...standardise(x, standard, [2, 0])].filter((_, i) => i % 3 === 0)).toEqual([
      2 / Math.sqrt(8 / 3),
      -2 / Math.sqrt(8 / 3),
    ]);
    expect(() => standardOf(x, 3, [])).toThrow(new RangeError("columns are standardised over at least one row, not none"));
  });

  test("keep their digits beside a large mean", () => {
    const far = Float64Array.of(1e12 + 1, 1e12 + 2, 1e12 + 3);
    const { means, scales } = standardOf(far, 1, [0, 1, 2]);
    expect(means[0]).toBe(1e12 + 2);
    expect(scales[0]).toBeCloseTo(Math.sqrt(2 / 3), 14);
  });
});
