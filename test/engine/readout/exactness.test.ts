/** Normalisers, entropies and divergences of large vocabularies, against float64 sums over the same float32 logits. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Noise } from "../../../scripts/random-checkpoint/noise.ts";
import type { ReadoutChunkResult } from "../../../src/engine/backend/backend.ts";
import {
  DIFFERENCE_ERROR,
  divergenceByDifference,
  divergenceByExpectation,
  divergenceDirect,
  EXPECTATION_GUARD_FACTOR,
  expectationError,
  GUARD_FACTOR,
  logSumExp,
} from "../../../src/metrics/divergence.ts";
import { logSumExpOf } from "../../../src/metrics/softmax.ts";
import { D, drawn, logitsOf, type Synthetic, synthetic } from "./synthetic.ts";

/** Unit round-off of float32. */
const ROUND_OFF = 2 ** -24;
/** How far rows are from the first of their kind, which they are compared with. */
const DISTANCES = [0, 1e-4, 1e-3, 1e-2, 1e-1, 0.5, 2];
const KINDS = ["flat", "usual", "sharp", "peaked"] as const;

/** Hidden vectors [n, D]: of every kind one, and some near it; all logits have `shift` in common. */
function hidden(model: Synthetic, shift: number): { rows: Float32Array; names: string[]; reference: number[] } {
  const noise = new Noise(3);
  const rows: number[] = [];
  const names: string[] = [];
  for (const kind of KINDS) {
    const deviation = { flat: 0.02, usual: 0.5, sharp: 1.5, peaked: 0 }[kind];
    const along = model.unembed.subarray(17 * D, 18 * D);
    const first = kind === "peaked" ? along.map((value) => value * 1.2) : drawn(noise, D, deviation);
    for (const distance of DISTANCES) {
      const apart = drawn(noise, D, distance);
      rows.push(...first.map((value, i) => (i === 0 ? shift : value + (apart[i] as number))));
      names.push(`${kind}, ${distance} away`);
    }
  }
  const reference = names.map((_, row) => row - (row % DISTANCES.length));
  return { rows: Float32Array.from(rows), names, reference };
}

describe.each([50_257, 151_936, 262_144])("a vocabulary of %i", { timeout: 180_000 }, (V) => {
  let model: Synthetic;
  beforeAll(async () => {
    model = await synthetic(V);
  }, 120_000);
  afterAll(() => model?.close());

  describe.each([0, 10, 1000])("logits that have %i in common", (shift) => {
    let rows: ReturnType<typeof hidden>;
    let read: ReadoutChunkResult;
    let logits: Float32Array[];
    let exact: { lse: number; entropy: number; beside: number }[];

    beforeAll(async () => {
      rows = hidden(model, shift);
      const all = rows.names.map((_, row) => row);
      const more = { expect: all, referenceRows: rows.reference, topK: V };
      read = await model.run(rows.rows, more);
      logits = all.map((row) => logitsOf(read.kept as NonNullable<typeof read.kept>, row, V));
      exact = logits.map((z) => {
        const lse = logSumExp(z);
        const entropy = z.reduce((sum, value) => sum - Math.exp(value - lse) * (value - lse), 0);
        return { lse, entropy, beside: 1 - Math.exp(-lse) };
      });
    }, 120_000);

    test("the normaliser: every probability, and their sum", () => {
      for (const [row, { lse, beside }] of exact.entries()) {
        const error = Math.abs(Math.log1p(read.rest[row] as number) - lse);
        expect(error, rows.names[row]).toBeLessThan(4 * ROUND_OFF * beside);
        const sum = read.topLogprobs.subarray(row * V, (row + 1) * V).reduce((mass, value) => mass + Math.exp(value), 0);
        expect(Math.abs(sum - 1), rows.names[row]).toBeLessThan(1e-6);
      }
    });

    test("entropies, relative to themselves", () => {
      for (const [row, { entropy }] of exact.entries())
        expect(Math.abs((read.entropyNats[row] as number) / entropy - 1), rows.names[row]).toBeLessThan(4 * ROUND_OFF);
    });

    test("KL by difference: within its bound, and right to one part in a thousand where it is trusted", () => {
      let trusted = 0;
      for (const [row, p] of rows.reference.entries()) {
        const direct = divergenceDirect(logits[p] as Float32Array, logits[row] as Float32Array);
        const [restP, restQ] = [read.rest[p] as number, read.rest[row] as number];
        const given = divergenceByDifference({ sum: read.difference[row] as number, restP, restQ });
        const size = restP / (1 + restP) + restQ / (1 + restQ) + Math.abs(read.difference[row] as number) / (1 + restP);
        const error = Math.abs(given.nats - direct);
        expect(error, rows.names[row]).toBeLessThanOrEqual(DIFFERENCE_ERROR * size);
        if (!given.trusted) continue;
        trusted++;
        expect(error, rows.names[row]).toBeLessThan(direct / GUARD_FACTOR);
      }
      expect(trusted).toBeGreaterThan(4);
    });

    test("KL by expectation: within its bound, and right to one part in ten thousand where it is trusted", () => {
      let trusted = 0;
      for (const [row, p] of rows.reference.entries()) {
        const direct = divergenceDirect(logits[p] as Float32Array, logits[row] as Float32Array);
        const entropyNats = read.entropyNats[p] as number;
        const lse = logSumExpOf(read.peak[row] as number, read.rest[row] as number);
        const e = read.expectation.subarray(p * D, (p + 1) * D);
        const expectation = { e, c: read.expectedBias[p] as number, entropyNats, vocabSize: V };
        const given = divergenceByExpectation(expectation, rows.rows.subarray(row * D, (row + 1) * D), lse);
        const size = entropyNats + Math.abs(lse - given.nats - entropyNats) + Math.abs(lse);
        const error = Math.abs(given.nats - direct);
        expect(error, rows.names[row]).toBeLessThanOrEqual(expectationError(V) * size);
        if (!given.trusted) continue;
        trusted++;
        expect(error, rows.names[row]).toBeLessThan(direct / EXPECTATION_GUARD_FACTOR);
      }
      // What all logits have in common is in its terms: with 1000, nothing here is far enough.
      if (shift < 1000) expect(trusted).toBeGreaterThan(4);
    });

    test("KL summed directly", async () => {
      const p = rows.reference.flatMap((row) => [...rows.rows.subarray(row * D, (row + 1) * D)]);
      const pairs = Float32Array.from([...p, ...rows.rows]);
      const { divergence } = await model.run(pairs, { mode: "divergence", keep: false, topK: 1 });
      for (const [row, reference] of rows.reference.entries()) {
        const direct = divergenceDirect(logits[reference] as Float32Array, logits[row] as Float32Array);
        expect(Math.abs((divergence[row] as number) - direct), rows.names[row]).toBeLessThan(1e-6 * direct + 1e-10);
      }
    });
  });
});

describe("padding", () => {
  test("a row of padding may be the likeliest: it is in the softmax, and no top token", async () => {
    const [V, known] = [999, 900];
    const model = await synthetic(V, known);
    const rows = Float32Array.from([...model.unembed.subarray(950 * D, 951 * D), ...model.unembed.subarray(3 * D, 4 * D)]);
    const read = await model.run(rows, { topK: known });
    expect(Array.from(read.topRows, Number)).toEqual([950, 3]);
    const logits = logitsOf(read.kept as NonNullable<typeof read.kept>, 0, V);
    const lse = logSumExp(logits);
    expect(read.topIds.subarray(0, known).every((id) => id < known)).toBe(true);
    for (let i = 0; i < known; i++) expect(read.topLogprobs[i]).toBeCloseTo((logits[Number(read.topIds[i])] as number) - lse, 5);
    await model.close();
  });
});
