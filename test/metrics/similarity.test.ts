/** Cosines, angles and CKA against the published formula, and the laws that CKA keeps. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { angularDistance, cosineOfRows, HsicSums, hsicTerms } from "../../src/metrics/similarity.ts";

/** [n, d] of numbers that depend on the seed alone. */
function randomRows(seed: number, n: number, d: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: n * d }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32 - 0.5) * 4;
  });
}

/** [tr KL + (1ᵀK1·1ᵀL1)/((N−1)(N−2)) − 2·1ᵀKL1/(N−2)]/(N(N−3)) with zero diagonals, written out. */
function hsic(x: Float32Array, y: Float32Array, n: number): number {
  const kernel = (rows: Float32Array) => {
    const d = rows.length / n;
    const dot = (i: number, j: number) =>
      rows.subarray(i * d, (i + 1) * d).reduce((sum, value, k) => sum + value * (rows[j * d + k] as number), 0);
    return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 0 : dot(i, j))));
  };
  const [K, L] = [kernel(x), kernel(y)];
  const total = (rows: readonly number[]) => rows.reduce((sum, value) => sum + value, 0);
  const sumsK = K.map(total);
  const sumsL = L.map(total);
  const trace = total(K.map((row, i) => total(row.map((value, j) => value * (L[i]?.[j] as number)))));
  const inner = total(sumsK.map((value, i) => value * (sumsL[i] as number)));
  return (trace + (total(sumsK) * total(sumsL)) / ((n - 1) * (n - 2)) - (2 / (n - 2)) * inner) / (n * (n - 3));
}

const ckaOf = (batch: readonly Float32Array[], n: number, d: number) => {
  const sums = new HsicSums();
  sums.add(batch, n, d);
  return sums.finish();
};

describe("Cosines of rows", () => {
  test("are 1, 0 and −1 where rows agree, are perpendicular or opposed, and NaN for a zero row", () => {
    const a = Float32Array.of(3, 4, 1, 0, 1, 2, 0, 0);
    const b = Float32Array.of(6, 8, 0, 5, -2, -4, 1, 1);
    const [same, across, against, none] = cosineOfRows(a, b, 2);
    expect([same, across, none]).toEqual([1, 0, Number.NaN]);
    expect(against).toBeCloseTo(-1, 15);
    expect(cosineOfRows(Float32Array.of(1, 0), Float32Array.of(1, Math.sqrt(3)), 2)[0]).toBeCloseTo(0.5, 7);
  });

  test("become angles from 0 to 1, also where rounding passes ±1", () => {
    expect([1, 1 + 1e-15, 0, -1, -1 - 1e-15].map(angularDistance)).toEqual([0, 0, 0.5, 1, 1]);
    expect(angularDistance(Math.SQRT1_2)).toBeCloseTo(0.25, 14);
    expect(angularDistance(Number.NaN)).toBeNaN();
  });
});

describe("Unbiased HSIC and linear CKA", () => {
  test("are the published formula's, for every number of texts", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 4, max: 23 }), fc.integer({ min: 1, max: 9 }), (seed, n, d) => {
        const layers = [0, 1, 2].map((layer) => randomRows(seed + layer, n, d));
        const terms = hsicTerms(layers, n, d);
        const cka = ckaOf(layers, n, d);
        for (const [a, x] of layers.entries())
          for (const [b, y] of layers.entries()) {
            expect(Math.abs((terms[a * 3 + b] as number) - hsic(x, y, n))).toBeLessThan(1e-9);
            const [own, other] = [hsic(x, x, n), hsic(y, y, n)];
            if (own > 1e-6 && other > 1e-6)
              expect(Math.abs((cka[a]?.[b] as number) - hsic(x, y, n) / Math.sqrt(own * other))).toBeLessThan(1e-9);
          }
      }),
      { numRuns: 100, seed: 31 },
    );
  });

  test("are symmetric, with 1 on the diagonal, and blind to shifts, scales and rotations", () => {
    const [n, d] = [12, 2];
    const x = randomRows(1, n, d);
    const moved = x.map((value, i) => 8 * value + (i % d) * 64);
    const turned = x.map((_, i) => (i % d === 0 ? -1 : 1) * (x[i % d === 0 ? i + 1 : i - 1] as number));
    const cka = ckaOf([x, moved, turned, randomRows(2, n, d)], n, d);
    for (const [a, row] of cka.entries())
      for (const [b, value] of row.entries()) {
        expect(value).toBe(cka[b]?.[a]);
        if (a === b) expect(value).toBe(1);
        else expect(value as number).toBeCloseTo(a < 3 && b < 3 ? 1 : (cka[0]?.[3] as number), 6);
      }
  });

  test("are unbiased: 0 on average between independent layers, at any number of texts", () => {
    let sum = 0;
    for (let seed = 0; seed < 2000; seed++)
      sum += hsicTerms([randomRows(seed * 7919, 5, 3), randomRows(seed * 104729 + 55, 5, 3)], 5, 3)[1] as number;
    const own = hsicTerms([randomRows(3, 400, 3)], 400, 3)[0] as number;
    expect(Math.abs(sum / 2000 / own)).toBeLessThan(0.1);
  });

  test("sum their terms over batches before the ratio; fewer than 4 texts add nothing", () => {
    const [n, d] = [8, 3];
    const layersOf = (seed: number, texts: number) => [0, 1].map((layer) => randomRows(seed + layer, texts, d));
    const sums = new HsicSums();
    sums.add(layersOf(10, n), n, d);
    sums.add(layersOf(20, n), n, d);
    sums.add(layersOf(30, 3), 3, d);
    const of = (a: number, b: number) =>
      [10, 20].reduce((sum, seed) => {
        const layers = layersOf(seed, n);
        return sum + hsic(layers[a] as Float32Array, layers[b] as Float32Array, n);
      }, 0);
    const [[, found] = []] = sums.finish();
    expect(found).toBeCloseTo(of(0, 1) / Math.sqrt(of(0, 0) * of(1, 1)), 9);

    const again = new HsicSums();
    for (const seed of [10, 20]) again.addTerms(hsicTerms(layersOf(seed, n), n, d), 2);
    expect(again.finish()).toEqual(sums.finish());
  });

  test("have no number with fewer than 4 texts, or for a layer that does not vary or is not finite", () => {
    expect(ckaOf([randomRows(1, 3, 2), randomRows(2, 3, 2)], 3, 2)).toEqual([
      [null, null],
      [null, null],
    ]);
    expect(new HsicSums().finish()).toEqual([]);
    const n = 5;
    const constant = new Float32Array(n * 2).map((_, i) => (i % 2 ? 0.1 : 1e5 / 3));
    // One text apart from equal others: its kernel has nothing off the diagonal.
    const oneApart = new Float32Array(n * 2);
    oneApart[0] = 0.7;
    const broken = randomRows(4, n, 2).fill(Number.NaN, 0, 1);
    const cka = ckaOf([randomRows(3, n, 2), constant, oneApart, broken], n, 2);
    expect(cka).toEqual([
      [1, null, null, null],
      [null, null, null, null],
      [null, null, null, null],
      [null, null, null, null],
    ]);
  });

  test("keep their digits where all texts share a large mean", () => {
    const [n, d] = [10, 4];
    // Multiples of 1/64: adding 2¹⁶ is exact in float32.
    const layers = [0, 1].map((layer) => randomRows(layer + 5, n, d).map((value) => Math.round(value * 64) / 64));
    const far = layers.map((values) => values.map((value) => value + 2 ** 16));
    expect(ckaOf(far, n, d)[0]?.[1]).toBeCloseTo(ckaOf(layers, n, d)[0]?.[1] as number, 10);
  });

  test("refuse batches that do not fit", () => {
    expect(() => hsicTerms([new Float32Array(7)], 4, 2)).toThrow(
      new RangeError("layer 0 has 7 numbers; 4 texts of width 2 have 8"),
    );
    const sums = new HsicSums();
    sums.addTerms(new Float64Array(4), 2);
    expect(() => sums.addTerms(new Float64Array(9), 3)).toThrow(
      new RangeError("a batch of 3 layers (9 terms) after batches of 2"),
    );
  });
});
