/** The cheap divergence against the direct sum: on random distributions, and on nearly equal ones. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { divergenceByExpectation, divergenceDirect, GUARD_FACTOR, logSumExp } from "../../src/metrics/divergence.ts";

/** A small unembed [V, d] with bias, and what the read-out graph would hand over, rounded to float32. */
function unembed(seed: number, V: number, d: number, biased: boolean) {
  let state = seed;
  const next = () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return (state / 2 ** 32 - 0.5) * 4;
  };
  const W = Float64Array.from({ length: V * d }, () => Math.fround(next()));
  const b = Float64Array.from({ length: V }, () => (biased ? Math.fround(next()) : 0));
  const logits = (h: Float32Array) =>
    Float64Array.from({ length: V }, (_, v) =>
      h.reduce((sum, value, i) => sum + value * (W[v * d + i] as number), b[v] as number),
    );
  return {
    hidden: () => Float32Array.from({ length: d }, next),
    logits,
    readout: (h: Float32Array) => {
      const z = logits(h);
      const lse = logSumExp(z);
      const p = z.map((value) => Math.exp(value - lse));
      const e = new Float64Array(d);
      for (let i = 0; i < d; i++) e[i] = p.reduce((sum, value, v) => sum + value * (W[v * d + i] as number), 0);
      const entropyNats = Math.fround(-p.reduce((sum, value, v) => sum + value * ((z[v] as number) - lse), 0));
      const c = Math.fround(p.reduce((sum, value, v) => sum + value * (b[v] as number), 0));
      return { expectation: { e, c, entropyNats, vocabSize: V }, logSumExp: Math.fround(lse) };
    },
  };
}

describe("KL(p‖q) by the expectation of the unembed", () => {
  test("agrees with the direct sum to one part in a thousand wherever it is trusted", () => {
    let trusted = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 30 }),
        fc.boolean(),
        fc.double({ min: -7, max: 0.5, noNaN: true }),
        (seed, biased, exponent) => {
          const model = unembed(seed, 257, 16, biased);
          const h = model.hidden();
          const noise = model.hidden();
          const other = h.map((value, i) => value + (noise[i] as number) * 10 ** exponent);
          const direct = divergenceDirect(model.logits(h), model.logits(other));
          const q = model.readout(other);
          const cheap = divergenceByExpectation(model.readout(h).expectation, other, q.logSumExp);
          if (!cheap.trusted) return;
          trusted++;
          expect(Math.abs(cheap.nats - direct)).toBeLessThan(direct / GUARD_FACTOR);
        },
      ),
      { numRuns: 400, seed: 7 },
    );
    expect(trusted).toBeGreaterThan(50);
  });

  test("is not trusted on nearly equal distributions, where it would be off by more than it says", () => {
    const model = unembed(5, 257, 16, true);
    const h = model.hidden();
    const other = h.map((value) => value * (1 + 1e-6));
    expect(divergenceByExpectation(model.readout(h).expectation, other, model.readout(other).logSumExp).trusted).toBe(false);
  });

  test("the direct sum: known values", () => {
    const logits = (p: readonly number[]) => p.map(Math.log);
    expect(divergenceDirect(logits([0.5, 0.5]), logits([0.25, 0.75]))).toBeCloseTo(0.5 * Math.log(2) + 0.5 * Math.log(2 / 3), 12);
    expect(divergenceDirect(logits([0.2, 0.8]), logits([0.2, 0.8]))).toBe(0);
    expect(divergenceDirect([1000, 1000], [1000, 1001])).toBeCloseTo(divergenceDirect([0, 0], [0, 1]), 12);
  });
});
