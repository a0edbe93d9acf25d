import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layerAxis, linearTicks, logTicks, valueAxis, wholeTicks } from "../../../src/experiments/figures/axes.ts";

const ascending = (ticks: readonly number[]) => ticks.every((tick, i) => i === 0 || tick > (ticks[i - 1] as number));

describe("Ticks", () => {
  it("Whole numbers: every one, or every second, fifth, tenth, …", () => {
    expect(wholeTicks(12)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(wholeTicks(30)).toEqual([0, 5, 10, 15, 20, 25]);
    expect(wholeTicks(48, 7)).toEqual([0, 10, 20, 30, 40]);
    expect(wholeTicks(1)).toEqual([0]);
  });

  it("Logarithmic: powers of ten, or 1-2-5 of them where powers are few, or every second power where they are many", () => {
    expect(logTicks(0.004, 6)).toEqual([0.01, 0.1, 1]);
    expect(logTicks(0.04, 6)).toEqual([0.05, 0.1, 0.2, 0.5, 1, 2, 5]);
    expect(logTicks(1e-9, 10)).toEqual([1e-8, 1e-6, 1e-4, 1e-2, 1]);
    expect(logTicks(0.3, 0.95)).toEqual([0.3, 0.5, 0.7]);
  });

  it("Logarithmic: ascending, within the axis, few, and at least one where the axis has a power of ten", () => {
    fc.assert(
      fc.property(fc.double({ min: -30, max: 30, noNaN: true }), fc.double({ min: 0.05, max: 40, noNaN: true }), (from, span) => {
        const [low, high] = [10 ** from, 10 ** (from + span)];
        const ticks = logTicks(low, high);
        expect(ascending(ticks)).toBe(true);
        expect(ticks.every((tick) => tick >= low && tick <= high)).toBe(true);
        expect(ticks.length).toBeLessThanOrEqual(8);
        if (span > 1) expect(ticks.length).toBeGreaterThanOrEqual(2);
      }),
    );
  });

  it("Linear: round, ascending, within the axis, about as many as asked for", () => {
    expect(linearTicks([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(linearTicks([0, 1], 5, { room: 0.03 })).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
    expect(linearTicks([0, 1.5], 5, { whole: true })).toEqual([0, 1]);
    expect(linearTicks([-0.3, 0.3], 3)).toEqual([-0.2, 0, 0.2]);
    const size = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), size, fc.integer({ min: 3, max: 10 }), (low, span, count) => {
        fc.pre(span > Math.abs(low) * 1e-6);
        const ticks = linearTicks([low, low + span], count);
        expect(ascending(ticks)).toBe(true);
        expect(ticks.length).toBeGreaterThanOrEqual(Math.floor(count / 2));
        expect(ticks.length).toBeLessThanOrEqual(2 * count + 1);
      }),
    );
  });
});

describe("The axis of a statistic", () => {
  const ends = (kind: Parameters<typeof valueAxis>[1], means: number[], values = means) =>
    valueAxis("", kind, means, values).domain;

  it("Has 0 where it is linear; need not where it only fits", () => {
    expect(ends("linear", [3, 4])[0]).toBe(0);
    expect(ends("linear", [-3, -4])[1]).toBeGreaterThan(0);
    expect(ends("fit", [3, 4])[0]).toBeGreaterThan(2.5);
  });

  it("Ends at 0 where nothing can be below it, and shows that a count is none", () => {
    expect(ends("positive", [0.1], [-0.2, 0.4])[0]).toBe(0);
    expect(ends("linear", [0.1], [-0.2, 0.4])[0]).toBeLessThan(-0.2);
    expect(ends("count", [0, 0])).toEqual([0, 5.3]);
  });

  it("Shows a share from 0 to 1, and what intervals reach above", () => {
    expect(ends("share", [0.2])).toEqual([0, 1.05]);
    expect(ends("share", [0.9], [1.2])[1]).toBeGreaterThan(1.2);
  });

  it("Shows all means on a logarithmic axis, and of intervals not more than ten times below", () => {
    const [low, high] = ends("log", [0.1, 5], [1e-12, 0.05, 7]);
    expect(low).toBeCloseTo(0.04, 6);
    expect(high).toBeGreaterThan(7);
    expect(ends("log", [0, -1])).toEqual([0.1, 1]);
  });

  it("Shows differences on both sides of 0, by powers of ten from near the middle one's size", () => {
    const axis = valueAxis("", "symmetric", [-3, -0.05, -0.06, 0.02], [-3, 0.02]);
    expect(axis.symmetric).toBe(0.01);
    expect(axis.ticks).toEqual([-1, -0.1, 0, 0.01]);
    expect(valueAxis("", "symmetric", [0], [0]).domain[1]).toBeGreaterThan(0);
  });

  it("Has room where there is nothing, or one value only", () => {
    for (const kind of ["linear", "positive", "count", "fit", "share", "log", "symmetric"] as const)
      for (const values of [[], [0], [2], [-2]]) {
        const [low, high] = ends(kind, values);
        expect(high).toBeGreaterThan(low);
      }
  });

  it("Of layers has the embedding before them, and no 0 beside it where they are many", () => {
    expect(layerAxis(12, { embedding: true })).toMatchObject({
      domain: [-1.5, 11.5],
      ticks: [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    });
    expect(layerAxis(48, { embedding: true }).ticks.slice(0, 3)).toEqual([-1, 5, 10]);
  });
});
