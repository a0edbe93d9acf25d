/** Chunks of pairs of hidden vectors, whose divergences are wanted and nothing else. */
import { divergenceByDifference } from "../../metrics/divergence.ts";
import type { Backend, ReadoutChunk } from "../backend/backend.ts";
import type { HiddenPairs, Reading } from "./reading.ts";

/** Some pairs of a reading. */
export interface PairPiece {
  readonly reading: Reading;
  readonly from: number;
  readonly count: number;
}

/** Reads out the pieces, all of one mode and lens, and puts each pair's divergence in its place; NaN: still in doubt. */
export async function pairChunk(backend: Backend, pieces: readonly PairPiece[], d: number): Promise<void> {
  const [first] = pieces as [PairPiece];
  const nats = first.reading.mode === "difference" ? await byDifference(backend, pieces, d) : await inDouble(backend, pieces, d);
  let at = 0;
  for (const { reading, count } of pieces) {
    reading.result.divergence.set(nats.subarray(at, at + count), reading.done);
    reading.done += count;
    at += count;
  }
}

/** Each p once, then all q, compared with theirs. */
async function byDifference(backend: Backend, pieces: readonly PairPiece[], d: number): Promise<Float64Array> {
  const rows: Float32Array[] = [];
  const reference: number[] = [];
  for (const { reading, from, count } of pieces) {
    const { p, of } = reading.rows as HiddenPairs;
    const places = new Map<number, number>();
    for (const index of of.subarray(from, from + count)) {
      if (!places.has(index)) places.set(index, rows.push(p.subarray(index * d, (index + 1) * d)) - 1);
      reference.push(places.get(index) as number);
    }
  }
  const distinct = rows.map((_, row) => row);
  const count = reference.length;
  const chunk = { ...plain(pieces, [...rows, ...ofQ(pieces, d)], d), referenceRows: [...distinct, ...reference] };
  const { difference, rest } = await backend.readOut({ ...chunk, mode: "readout" });
  return Float64Array.from({ length: count }, (_, pair) => {
    const row = rows.length + pair;
    const { nats, trusted } = divergenceByDifference({
      sum: difference[row] as number,
      restP: rest[reference[pair] as number] as number,
      restQ: rest[row] as number,
    });
    return trusted ? nats : Number.NaN;
  });
}

/** All p, then all q. */
async function inDouble(backend: Backend, pieces: readonly PairPiece[], d: number): Promise<Float64Array> {
  const ofP = pieces.flatMap(({ reading, from, count }) => {
    const { p, of } = reading.rows as HiddenPairs;
    return Array.from(of.subarray(from, from + count), (index) => p.subarray(index * d, (index + 1) * d));
  });
  const { divergence } = await backend.readOut({ ...plain(pieces, [...ofP, ...ofQ(pieces, d)], d), mode: "divergence" });
  return divergence;
}

function ofQ(pieces: readonly PairPiece[], d: number): Float32Array[] {
  return pieces.flatMap(({ reading, from, count }) => {
    const { q } = reading.rows as HiddenPairs;
    return Array.from({ length: count }, (_, i) => q.subarray((from + i) * d, (from + i + 1) * d));
  });
}

function plain(pieces: readonly PairPiece[], rows: readonly Float32Array[], d: number): Omit<ReadoutChunk, "mode"> {
  const x = new Float32Array(rows.length * d);
  for (const [index, row] of rows.entries()) x.set(row, index * d);
  return {
    ...{ rows: x, lens: (pieces[0] as PairPiece).reading.lens, inverseSigma: null, topK: 1 },
    ...{ followed: new Int32Array(0), followedCount: 0, ranks: false },
    ...{ expect: [], reference: null, referenceRows: null, keep: false },
  };
}
