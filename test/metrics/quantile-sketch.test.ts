/** Quantiles from logarithmic buckets against sorted values, and the laws of merging. */
import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";
import {
  LARGEST_MAGNITUDE,
  MOST_BUCKETS,
  QuantileSketch,
  RELATIVE_ERROR,
  SMALLEST_MAGNITUDE,
} from "../../src/metrics/quantile-sketch.ts";

const sketchOf = (values: readonly number[]) => {
  const sketch = new QuantileSketch();
  for (const value of values) sketch.add(value);
  return sketch;
};

/** Both signs, 10⁻¹² … 10⁹, and 0. */
const value = fc.oneof(
  fc.tuple(fc.double({ min: -12, max: 9, noNaN: true }), fc.boolean()).map(([e, below]) => (below ? -1 : 1) * 10 ** e),
  fc.constantFrom(0, -0, 1, -1, SMALLEST_MAGNITUDE, LARGEST_MAGNITUDE),
);
const q = fc.double({ min: 0, max: 1, noNaN: true });

describe("Quantiles of a sketch", () => {
  test("are within the stated error of the sorted values", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 60 }), q, (values, at) => {
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.floor(at * (values.length - 1))] as number;
        const found = sketchOf(values).quantile(at) as number;
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(Math.max(RELATIVE_ERROR * Math.abs(exact), SMALLEST_MAGNITUDE));
        expect(found).toBeGreaterThanOrEqual(sorted[0] as number);
        expect(found).toBeLessThanOrEqual(sorted[values.length - 1] as number);
      }),
      { numRuns: 1000, seed: 21 },
    );
  });

  test("never fall as q grows, and begin and end at the exact extremes", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 60 }), q, q, (values, a, b) => {
        const sketch = sketchOf(values);
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(sketch.quantile(low) as number).toBeLessThanOrEqual(sketch.quantile(high) as number);
        expect(sketch.quantile(0)).toBe(sketch.min);
        expect(sketch.quantile(1)).toBe(sketch.max);
        expect(sketch.min).toBe(Math.min(...values) + 0);
      }),
      { numRuns: 200, seed: 22 },
    );
  });

  test("of negated values are the negated ones from the other end", () => {
    const values = [0.001, 0.5, 3, 40, 41, 1000, 2000];
    const [up, down] = [sketchOf(values), sketchOf(values.map((x) => -x))];
    for (let rank = 0; rank < 7; rank++) expect(down.quantile(rank / 6)).toBe(-(up.quantile((6 - rank) / 6) as number));
  });

  test("of nothing are null", () => {
    const empty = new QuantileSketch();
    expect([empty.count, empty.min, empty.max, empty.quantile(0.5)]).toEqual([0, null, null, null]);
  });

  test("clamp what is too large, and infinities; NaN and a q beyond 0 … 1 are refused", () => {
    const sketch = sketchOf([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, 0]);
    expect([sketch.min, sketch.max, sketch.count]).toEqual([-LARGEST_MAGNITUDE, LARGEST_MAGNITUDE, 4]);
    expect(sketch.quantile(0.4)).toBe(0);
    expect(() => sketch.add(Number.NaN)).toThrow(new RangeError("a quantile sketch takes numbers, not NaN"));
    expect(sketch.count).toBe(4);
    for (const wrong of [-0.1, 1.1, Number.NaN])
      expect(() => sketch.quantile(wrong)).toThrow(new RangeError(`a quantile lies between 0 and 1, not at ${wrong}`));
  });

  test("keep to a bounded number of buckets", () => {
    const sketch = new QuantileSketch();
    for (let exponent = -10; exponent <= 10; exponent += 1 / 512) {
      sketch.add(10 ** exponent);
      sketch.add(-(10 ** exponent));
    }
    expect(sketch.encode().buckets.length).toBe(MOST_BUCKETS);
  });
});

describe("Merged sketches", () => {
  test("are the sketch of all values, bit for bit, in any order and grouping", () => {
    fc.assert(
      fc.property(fc.array(fc.array(value, { maxLength: 20 }), { maxLength: 6 }), fc.gen(), (parts, random) => {
        const whole = sketchOf(parts.flat()).encode();
        const shuffled = random(fc.shuffledSubarray, parts, { minLength: parts.length });
        const merged = new QuantileSketch();
        for (const part of shuffled) merged.merge(sketchOf(part));
        expect(merged.encode()).toEqual(whole);
        // (… b) + a instead of a + (b …).
        const nested = shuffled.reduceRight((tail, part) => {
          const head = sketchOf(part);
          head.merge(tail);
          return head;
        }, new QuantileSketch());
        expect(nested.encode()).toEqual(whole);
        expect(nested.count).toBe(parts.flat().length);
      }),
      { numRuns: 200, seed: 23 },
    );
  });

  test("leave the other as it was, and can be merged with themselves", () => {
    const sketch = sketchOf([1, 2]);
    const before = sketch.encode();
    new QuantileSketch().merge(sketch);
    expect(sketch.encode()).toEqual(before);
    sketch.merge(sketch);
    expect(sketch.encode()).toEqual(sketchOf([1, 2, 1, 2]).encode());
  });
});

describe("An encoded sketch", () => {
  test("comes back from msgpack and from a structured clone", () => {
    const packr = new Packr({ moreTypes: true, useRecords: false, useFloat32: 0 });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), (values) => {
        const encoded = sketchOf(values).encode();
        expect(packr.unpack(packr.pack(encoded))).toEqual(encoded);
        const decoded = QuantileSketch.decode(structuredClone(encoded));
        expect(decoded.encode()).toEqual(encoded);
        expect(decoded.count).toBe(values.length);
      }),
      { numRuns: 100, seed: 24 },
    );
  });

  test("is refused where it cannot be one", () => {
    const good = { buckets: Int32Array.of(1, 5), counts: Float64Array.of(1, 2), min: 1e-9, max: 1.1e-9 };
    const refused = (change: object) => expect(() => QuantileSketch.decode({ ...good, ...change }));
    refused({ counts: Float64Array.of(1) }).toThrow(new RangeError("an encoded sketch has 2 buckets but 1 counts"));
    refused({ min: null }).toThrow(new RangeError("an encoded sketch of 2 buckets cannot reach from null to 1.1e-9"));
    refused({ buckets: Int32Array.of(5, 1) }).toThrow(new RangeError("bucket 1 is not in ascending order"));
    refused({ buckets: Int32Array.of(1, 99999) }).toThrow(/^bucket 99999 is outside ±\d+$/);
    refused({ counts: Float64Array.of(1, 0.5) }).toThrow(new RangeError("bucket 5 has a count of 0.5"));
  });
});
