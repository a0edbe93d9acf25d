/** Segmentations of depth: planted parts are found, noise is not taken for parts, and the laws of the optimum. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Generator, pcg32 } from "../../src/metrics/pcg32.ts";
import { bootstrapBoundaries, permutationTest, type Signals, segmentations, zScored } from "../../src/metrics/segmentation.ts";

/** The sum of twelve uniform numbers, less 6: nearly Gaussian. */
const noise = (generator: Generator) => Array.from({ length: 12 }, () => generator.next() / 2 ** 32).reduce((a, b) => a + b) - 6;

const LEVELS = [
  [0, 5, 1],
  [4, 5, 0],
  [4, 0, 3],
  [9, 2, 3],
];
/** 16 layers in four parts that begin at 0, 3, 9 and 12, with noise on every signal. */
function planted(generator: Generator, size: number): number[][] {
  const partOf = (layer: number) => (layer < 3 ? 0 : layer < 9 ? 1 : layer < 12 ? 2 : 3);
  return Array.from({ length: 16 }, (_, layer) =>
    (LEVELS[partOf(layer)] as number[]).map((level) => level + size * noise(generator)),
  );
}

const pureNoise = (generator: Generator, layers = 16) =>
  Array.from({ length: layers }, () => [noise(generator), noise(generator), noise(generator)]);

const someSignals = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3 })).chain(([layers, width]) =>
  fc.array(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: width, maxLength: width }), {
    minLength: layers,
    maxLength: layers,
  }),
);

/** Σ (z − mean)² of one part, in two passes. */
function errorOf(rows: Signals): number {
  let error = 0;
  for (let signal = 0; signal < (rows[0]?.length ?? 0); signal++) {
    const values = rows.map((row) => row[signal] as number);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    error += values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  }
  return error;
}

/** All ways to choose `count` ascending boundaries from `from` … layers − 1. */
function choices(layers: number, count: number, from = 1): number[][] {
  if (count === 0) return [[]];
  const all: number[][] = [];
  for (let first = from; first < layers; first++)
    for (const rest of choices(layers, count - 1, first + 1)) all.push([first, ...rest]);
  return all;
}

const errorAt = (scored: Signals, boundaries: readonly number[]) =>
  [0, ...boundaries].reduce((sum, start, part) => sum + errorOf(scored.slice(start, boundaries[part] ?? scored.length)), 0);

describe("z-scores over depth", () => {
  test("have mean 0 and spread 1; what does not vary, beyond rounding, becomes zeros", () => {
    const scored = zScored([
      [1, 0.3, -5, 1e-20],
      [2, 0.1 + 0.2, 5, 1e-20],
      [3, 0.3, -5, 3e-20],
      [6, 0.3, 5, 3e-20],
    ]);
    expect(scored.map((row) => row[0])).toEqual([-2, -1, 0, 3].map((away) => away / Math.sqrt(3.5)));
    expect(scored.map((row) => row[1])).toEqual([0, 0, 0, 0]);
    expect(scored.map((row) => row[2])).toEqual([-1, 1, -1, 1]);
    for (const [layer, row] of scored.entries()) expect(row[3]).toBeCloseTo(layer < 2 ? -1 : 1, 12);
  });

  test("are refused for numbers that are none, and for ragged layers", () => {
    expect(() => zScored([[1], [Number.NaN]])).toThrow(new RangeError("signal 0 is NaN at layer 1"));
    expect(() => zScored([[1, 2], [1]])).toThrow(new RangeError("layer 1 has 1 signals; layer 0 has 2"));
  });
});

describe("The best segmentations", () => {
  test("are the best of all, by trying every one", () => {
    fc.assert(
      fc.property(someSignals, (signals) => {
        const scored = zScored(signals);
        const whole = errorOf(scored);
        for (const [index, found] of segmentations(signals).entries()) {
          if (index >= signals.length) {
            expect(found).toBeNull();
            continue;
          }
          const best = Math.min(...choices(signals.length, index).map((boundaries) => errorAt(scored, boundaries)));
          const { boundaries, squaredError, explained } = found as NonNullable<typeof found>;
          expect(Math.abs(squaredError - best)).toBeLessThan(1e-9);
          expect(Math.abs(errorAt(scored, boundaries) - best)).toBeLessThan(1e-9);
          expect(boundaries.length).toBe(index);
          expect(Math.abs(explained - (whole === 0 ? 0 : 1 - best / whole))).toBeLessThan(1e-9);
        }
      }),
      { numRuns: 150, seed: 61 },
    );
  });

  test("explain nothing in one part, never less in more, and all with a part for each layer", () => {
    fc.assert(
      fc.property(someSignals, (signals) => {
        const explained = segmentations(signals, 9).flatMap((found) => (found ? [found.explained] : []));
        expect(explained[0]).toBe(0);
        for (let k = 1; k < explained.length; k++)
          expect(explained[k] as number).toBeGreaterThanOrEqual((explained[k - 1] as number) - 1e-12);
        const varies = errorOf(zScored(signals)) > 0;
        expect(explained[signals.length - 1]).toBeCloseTo(varies ? 1 : 0, 12);
      }),
      { numRuns: 150, seed: 62 },
    );
  });

  test("do not see units or offsets of a signal", () => {
    const signals = planted(pcg32(1), 0.5);
    const changed = signals.map(([a, b, c]) => [(a as number) * 1000, 7 - (b as number), (c as number) / 64 + 3]);
    const boundaries = (of: Signals) => segmentations(of).map((found) => found?.boundaries);
    expect(boundaries(changed)).toEqual(boundaries(signals));
  });

  test("find planted parts", () => {
    for (let seed = 0; seed < 20; seed++) {
      const [, , , four] = segmentations(planted(pcg32(seed), 0.3));
      expect(four?.boundaries).toEqual([3, 9, 12]);
      expect(four?.explained).toBeGreaterThan(0.9);
    }
  });

  test("of equal ones take that whose last part begins first", () => {
    expect(segmentations([[1], [1], [1], [1]], 3).map((found) => found?.boundaries)).toEqual([[], [1], [1, 2]]);
  });
});

describe("The permutation test", () => {
  test("supports planted parts and is the same for the same seed", () => {
    const signals = planted(pcg32(5), 0.5);
    const found = permutationTest(signals, 4, { seed: 1 });
    expect(found).toEqual({ explained: segmentations(signals)[3]?.explained, p: 1 / 1001, permutations: 1000 });
    expect(permutationTest(signals, 4, { seed: 1 })).toEqual(found);
  });

  test("is right about noise as often as it says: p is spread evenly", () => {
    const ps = Array.from(
      { length: 100 },
      (_, seed) => permutationTest(pureNoise(pcg32(seed)), 4, { seed: 77, repeats: 199 })?.p as number,
    );
    const below = (bound: number) => ps.filter((p) => p <= bound).length;
    expect(below(0.05)).toBeLessThan(14);
    expect(Math.abs(below(0.5) - 50)).toBeLessThan(18);
    expect(below(0.999)).toBeGreaterThan(80);
  });

  test("counts orders that explain as much: all, where all do", () => {
    expect(permutationTest([[1], [1], [1]], 2, { seed: 3, repeats: 50 })?.p).toBe(1);
    // Two layers: both orders are the same but for the direction.
    expect(permutationTest([[0.1], [0.7]], 2, { seed: 3, repeats: 50 })?.p).toBe(1);
    // One step over four layers: 2 of 4! / (2! 2!) = 6 arrangements have it.
    const { p } = permutationTest([[0.3], [0.3], [0.9], [0.9]], 2, { seed: 3, repeats: 3000 }) ?? { p: 0 };
    expect(Math.abs(p - 1 / 3)).toBeLessThan(0.04);
  });

  test("says nothing of fewer layers than parts", () => {
    expect(permutationTest([[1], [2], [3]], 4, { seed: 1 })).toBeNull();
  });
});

describe("Bootstrap intervals of boundaries", () => {
  const texts = (size: number, count = 30) => {
    const generator = pcg32(8);
    return Array.from({ length: count }, () => planted(generator, size));
  };

  test("hold planted boundaries: tightly where texts agree, widely where they do not", () => {
    const tight = bootstrapBoundaries(texts(0.2), 4, { seed: 2 });
    expect(tight).toEqual([3, 9, 12].map((layer) => ({ median: layer, low: layer, high: layer })));
    const wide = bootstrapBoundaries(texts(15), 4, { seed: 2 });
    for (const { low, median, high } of wide ?? []) expect(low <= median && median <= high).toBe(true);
    expect(wide?.some(({ low, high }) => high > low)).toBe(true);
    expect(bootstrapBoundaries(texts(15), 4, { seed: 2 })).toEqual(wide);
  });

  test("are those of the resampled means: two texts, one of either or both", () => {
    const step = (at: number, height: number) => Array.from({ length: 8 }, (_, layer) => [layer < at ? 0 : height]);
    // Drawn twice, a text alone decides; of both, the higher step does. 1/4 : 3/4, so the median is the higher one's.
    const [found] = bootstrapBoundaries([step(2, 1), step(6, 10)], 2, { seed: 4 }) ?? [];
    expect(found).toEqual({ median: 6, low: 2, high: 6 });
  });

  test("weigh a text by its observations, signal by signal", () => {
    const step = (at: number, height: number) => Array.from({ length: 8 }, (_, layer) => [layer < at ? 0 : height]);
    const [short, long] = [step(2, 10), step(6, 10)];
    const counts = (count: number) => step(8, 0).map(() => [count]);
    const of = (a: number, b: number) =>
      bootstrapBoundaries([short, long], 2, { seed: 4 }, [counts(a), counts(b)])?.map(({ median }) => median);
    // Of both together the text with more observations decides; alone each does.
    expect([of(1, 50), of(50, 1)]).toEqual([[6], [2]]);
    expect(bootstrapBoundaries([short, long], 2, { seed: 4 }, [counts(3), counts(3)])).toEqual(
      bootstrapBoundaries([short, long], 2, { seed: 4 }),
    );
    expect(() => bootstrapBoundaries([short, long], 2, { seed: 4 }, [counts(1), [[1]]])).toThrow(
      new RangeError("text 1 has 1 signals of 1 layers; text 0 has 8 of 8"),
    );
  });

  test("need two texts, and as many layers as parts", () => {
    expect(bootstrapBoundaries(texts(1, 1), 4, { seed: 1 })).toBeNull();
    expect(bootstrapBoundaries([], 4, { seed: 1 })).toBeNull();
    expect(
      bootstrapBoundaries(
        [
          [[1], [2]],
          [[2], [1]],
        ],
        3,
        { seed: 1 },
      ),
    ).toBeNull();
    expect(bootstrapBoundaries(texts(1), 1, { seed: 1 })).toEqual([]);
    expect(() => bootstrapBoundaries([[[1], [2]], [[2]]], 2, { seed: 1 })).toThrow(
      new RangeError("text 1 has 1 signals of 1 layers; text 0 has 2 of 2"),
    );
  });
});
