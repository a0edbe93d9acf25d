/** Logistic regression against closed solutions, its own optimum's condition, and scikit-learn's numbers. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accuracy, balancedWeights, fitLogistic, type LogisticModel, predict } from "../../src/metrics/logistic-regression.ts";
import { pcg32 } from "../../src/metrics/pcg32.ts";

interface Case {
  readonly name: string;
  readonly d: number;
  readonly C: number;
  readonly balanced: boolean;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly weights: readonly number[];
  readonly intercept: number;
  readonly probabilities: readonly number[];
  readonly accuracy: number;
}

const FIXTURE = new URL("../fixtures/logistic-regression.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(FIXTURE, "utf8")) as { readonly cases: readonly Case[] };

const farthest = (found: ArrayLike<number>, expected: readonly number[]) =>
  Math.max(...expected.map((value, i) => Math.abs((found[i] as number) - value)));

/** The largest entry of the gradient of (‖w‖²/2 + C Σ s ln(1 + e^(−±f)))/(C Σ s), written out. */
function gradientOf({ weights, intercept }: LogisticModel, x: Float64Array, y: Uint8Array, C: number, s: Float64Array): number {
  const d = weights.length;
  const total = s.reduce((sum, value) => sum + value, 0);
  const residuals = Array.from(y, (label, i) => {
    const score = weights.reduce((sum, w, j) => sum + w * (x[i * d + j] as number), intercept);
    return ((s[i] as number) * (1 / (1 + Math.exp(-score)) - label)) / total;
  });
  const columns = Array.from(weights, (w, j) =>
    residuals.reduce((sum, residual, i) => sum + residual * (x[i * d + j] as number), w / (C * total)),
  );
  const free = residuals.reduce((sum, residual) => sum + residual, 0);
  return Math.max(Math.abs(free), ...columns.map(Math.abs));
}

function randomData(seed: number, n: number, d: number) {
  const generator = pcg32(seed);
  const draw = () => (generator.next() / 2 ** 32 - 0.5) * 4;
  const x = Float64Array.from({ length: n * d }, draw);
  const y = Uint8Array.from({ length: n }, (_, i) => (i < 2 ? i : Number((x[i * d] as number) + draw() > 0)));
  return { x, y };
}

describe("Closed solutions", () => {
  test("a binary column, hardly penalised: the log odds of its two counts", () => {
    // Of 8 rows with 0, 2 are positive; of 10 rows with 1, 7.
    const x = Float64Array.from({ length: 18 }, (_, i) => Number(i >= 8));
    const y = Uint8Array.from({ length: 18 }, (_, i) => Number(i < 2 || i >= 11));
    const model = fitLogistic(x, y, { C: 1e10, tolerance: 1e-13 });
    expect(model.intercept).toBeCloseTo(Math.log(2 / 6), 8);
    expect(model.weights[0]).toBeCloseTo(Math.log(7 / 3) - Math.log(2 / 6), 8);
    expect(farthest(predict(model, Float64Array.of(0, 1)), [0.25, 0.7])).toBeLessThan(1e-8);
    expect(accuracy(model, x, y)).toBe(13 / 18);
  });

  test("two mirrored groups: w = C n (share − σ(w)), no intercept", () => {
    // At +1, 9 of 10 rows are positive; at −1, 1 of 10.
    const x = Float64Array.from({ length: 20 }, (_, i) => (i < 10 ? 1 : -1));
    const y = Uint8Array.from({ length: 20 }, (_, i) => Number(i < 9 || i === 10));
    for (const C of [0.01, 1, 100]) {
      let [low, high] = [0, 10];
      for (let halving = 0; halving < 80; halving++) {
        const w = (low + high) / 2;
        if (w < C * 20 * (0.9 - 1 / (1 + Math.exp(-w)))) low = w;
        else high = w;
      }
      const model = fitLogistic(x, y, { C, tolerance: 1e-13 });
      expect(model.weights[0]).toBeCloseTo(low, 9);
      expect(model.intercept).toBeCloseTo(0, 9);
      expect(model.converged).toBe(true);
    }
  });

  test("separable rows have a finite optimum, whose slope falls with the penalty", () => {
    const x = Float64Array.of(-3, -2, -1, 1, 2, 3);
    const y = Uint8Array.of(0, 0, 0, 1, 1, 1);
    const slopes = [0.01, 1, 100, 1e4].map((C) => {
      const model = fitLogistic(x, y, { C, tolerance: 1e-12 });
      expect(model.converged).toBe(true);
      expect(accuracy(model, x, y)).toBe(1);
      return model.weights[0] as number;
    });
    expect(slopes).toEqual([...slopes].sort((a, b) => a - b));
    expect(slopes[0]).toBeLessThan(0.1);
    expect(slopes[3]).toBeGreaterThan(5);
  });
});

describe("The optimum", () => {
  test("has a gradient of 0 to 1e-10, at any shape, weight and penalty", () => {
    const shape = fc.record({
      seed: fc.nat(),
      n: fc.integer({ min: 2, max: 41 }),
      d: fc.integer({ min: 1, max: 30 }),
      exponent: fc.double({ min: -3, max: 3, noNaN: true }),
      weighted: fc.boolean(),
    });
    fc.assert(
      fc.property(shape, ({ seed, n, d, exponent, weighted }) => {
        const { x, y } = randomData(seed, n, d);
        const generator = pcg32(seed + 1);
        // The first two rows hold one label each: they keep some weight.
        const weights = Float64Array.from(y, (_, i) => (weighted ? generator.below(4) / 2 + Number(i < 2) : 1));
        const C = 10 ** exponent;
        const model = fitLogistic(x, y, { C, weights: weighted ? weights : undefined, tolerance: 1e-11 });
        expect(model.converged).toBe(true);
        expect(gradientOf(model, x, y, C, weights)).toBeLessThan(1e-10);
      }),
      { numRuns: 150, seed: 41 },
    );
  });

  test("is the same for a row of weight 2 as for the row twice, and for none as without it", () => {
    const { x, y } = randomData(3, 20, 3);
    const weights = Float64Array.from(y, (_, i) => (i === 5 ? 2 : i === 7 ? 0 : 1));
    const rows = [...y.keys(), 5].filter((row) => row !== 7);
    const repeated = Float64Array.from(rows.flatMap((row) => [...x.subarray(row * 3, row * 3 + 3)]));
    const weighted = fitLogistic(x, y, { weights, tolerance: 1e-12 });
    const plain = fitLogistic(
      repeated,
      Uint8Array.from(rows, (row) => y[row] as number),
      { tolerance: 1e-12 },
    );
    expect(farthest(weighted.weights, [...plain.weights])).toBeLessThan(1e-9);
    expect(weighted.intercept).toBeCloseTo(plain.intercept, 9);
  });

  test("mirrors when the labels are exchanged, and is the same bits twice", () => {
    const { x, y } = randomData(9, 50, 4);
    const model = fitLogistic(x, y, { tolerance: 1e-12 });
    const mirrored = fitLogistic(
      x,
      y.map((label) => 1 - label),
      { tolerance: 1e-12 },
    );
    expect(
      farthest(
        mirrored.weights,
        [...model.weights].map((w) => -w),
      ),
    ).toBeLessThan(1e-10);
    expect(fitLogistic(x, y, { tolerance: 1e-12 })).toEqual(model);
  });

  test("is reached for columns of very different scales, and says so where it is not", () => {
    const { x, y } = randomData(4, 60, 3);
    const uneven = x.map((value, i) => value * 10 ** ((i % 3) * 3 - 3));
    const model = fitLogistic(uneven, y, { C: 10 });
    expect(model.converged).toBe(true);
    expect(gradientOf(model, uneven, y, 10, new Float64Array(60).fill(1))).toBeLessThan(1.1e-8);
    const stopped = fitLogistic(uneven, y, { C: 10, maxIterations: 1 });
    expect([stopped.iterations, stopped.converged]).toEqual([1, false]);
    const beyond = fitLogistic(uneven, y, { C: 10, tolerance: 0 });
    expect(beyond.converged).toBe(false);
    expect(farthest(beyond.weights, [...model.weights])).toBeLessThan(1e-4);
  });
});

describe("scikit-learn's numbers", () => {
  test.each(cases)("$name", (known) => {
    const x = Float64Array.from(known.x);
    const y = Uint8Array.from(known.y);
    const weights = known.balanced ? balancedWeights(y) : undefined;
    const model = fitLogistic(x, y, { C: known.C, weights, tolerance: 1e-11 });
    expect(model.converged).toBe(true);
    expect(model.weights.length).toBe(known.d);
    expect(farthest(model.weights, known.weights)).toBeLessThan(1e-6);
    expect(Math.abs(model.intercept - known.intercept)).toBeLessThan(1e-6);
    expect(farthest(predict(model, x), known.probabilities)).toBeLessThan(1e-6);
    expect(accuracy(model, x, y)).toBe(known.accuracy);
  });
});

describe("What cannot be fitted", () => {
  const x = Float64Array.of(1, 2, 3, 4);
  const y = Uint8Array.of(0, 1, 0, 1);
  test.each([
    ["whole rows", x.subarray(1), y, {}, "3 numbers are not whole rows for 4 labels"],
    ["no rows", new Float64Array(0), new Uint8Array(0), {}, "0 numbers are not whole rows for 0 labels"],
    ["one label", x, new Uint8Array(4), {}, "no row has the label 1: a probe needs both"],
    ["a label without weight", x, y, { weights: Float64Array.of(0, 1, 0, 1) }, "no row has the label 0: a probe needs both"],
    ["another label", x, Uint8Array.of(0, 1, 2, 1), {}, "row 2 has the label 2, not 0 or 1"],
    ["weights for other rows", x, y, { weights: Float64Array.of(1) }, "1 weights for 4 labels"],
    ["a negative weight", x, y, { weights: Float64Array.of(1, 1, -1, 1) }, "row 2 has the weight -1"],
    ["no penalty", x, y, { C: Number.POSITIVE_INFINITY }, "C is a number above 0, not Infinity"],
    ["a number that is none", Float64Array.of(1, Number.NaN, 3, 4), y, {}, "row 1, column 0 is NaN"],
  ])("%s", (_name, rows, labels, options, message) => {
    expect(() => fitLogistic(rows, labels, options)).toThrow(new RangeError(message));
  });

  test("rows of another width are not predicted", () => {
    const model = { weights: Float64Array.of(1, 2), intercept: 0 };
    expect(() => predict(model, Float64Array.of(1, 2, 3))).toThrow(
      new RangeError("3 numbers are not whole rows of the model's width, 2"),
    );
  });
});
