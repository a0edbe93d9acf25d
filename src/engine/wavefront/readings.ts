/** Readings that wait for the unembed, and the chunks in which they get it. */
import { type Backend, type Distributions, READOUT_CHUNK, type ReadoutChunk, type Stream } from "../backend/backend.ts";
import { accept, type HiddenPairs, type Reading, type ReadingResult } from "./reading.ts";
import type { Run } from "./run.ts";

interface Piece {
  readonly reading: Reading;
  readonly from: number;
  readonly count: number;
}

export class Readings {
  #waiting: Reading[] = [];
  #rows = 0;

  get count(): number {
    return this.#waiting.length;
  }

  push(reading: Reading): void {
    this.#waiting.push(reading);
    this.#rows += rowsOf(reading);
  }

  drop(run: Run): void {
    this.#waiting = this.#waiting.filter((reading) => reading.run !== run);
    this.#rows = this.#waiting.reduce((sum, reading) => sum + rowsOf(reading) - reading.done, 0);
  }

  /** A full chunk waits, or some reading has waited long enough. */
  due(now: number): boolean {
    return this.#rows >= READOUT_CHUNK || this.#waiting.some(({ due }) => now >= due);
  }

  /**
   * Reads out one chunk: the oldest reading and what goes with it. Returns the readings that are complete now, in
   * the order in which they were asked for; a run's readings never overtake each other.
   */
  async runChunk(backend: Backend, d: number): Promise<{ complete: Reading[]; rows: number }> {
    const oldest = this.#waiting[0] as Reading;
    const pieces = oldest.mode === "divergence" ? this.#pieces(oldest, READOUT_CHUNK / 2) : this.#pieces(oldest, READOUT_CHUNK);
    const rows = pieces.reduce((sum, { count }) => sum + count, 0);
    this.#rows -= rows;
    if (oldest.mode === "divergence") await divergenceChunk(backend, pieces, rows, d);
    else await readoutChunk(backend, pieces, rows);
    const complete = pieces.map(({ reading }) => reading).filter((reading) => reading.done === rowsOf(reading));
    const finished = new Set(complete);
    this.#waiting = this.#waiting.filter((reading) => !finished.has(reading));
    return { complete, rows };
  }

  #pieces(oldest: Reading, most: number): Piece[] {
    if (oldest.joint) return this.#jointPieces(oldest, most);
    const pieces: Piece[] = [];
    const held = new Set<Run>();
    let room = most;
    for (const reading of this.#waiting) {
      if (room === 0) break;
      const fits =
        reading.mode === oldest.mode &&
        reading.lens === oldest.lens &&
        reading.joint === null &&
        (reading.reference === null) === (oldest.reference === null);
      if (!fits || held.has(reading.run)) {
        held.add(reading.run);
        continue;
      }
      const count = Math.min(room, rowsOf(reading) - reading.done);
      pieces.push({ reading, from: reading.done, count });
      room -= count;
      if (reading.done + count < rowsOf(reading)) held.add(reading.run);
    }
    return pieces;
  }

  /** The oldest reading's group, and other runs' groups that fit beside it. */
  #jointPieces(oldest: Reading, most: number): Piece[] {
    const pieces: Piece[] = [];
    let room = most;
    for (const { joint, lens } of this.#waiting.filter((reading) => reading.joint?.[0] === reading)) {
      const group = (joint ?? []).map((reading): Piece => ({ reading, from: 0, count: rowsOf(reading) }));
      const rows = group.reduce((sum, { count }) => sum + count, 0);
      if (rows > room || lens !== oldest.lens) continue;
      pieces.push(...group);
      room -= rows;
    }
    return pieces;
  }
}

function rowsOf(reading: Reading): number {
  return reading.mode === "divergence" ? reading.result.divergence.length : reading.result.entropyNats.length;
}

async function readoutChunk(backend: Backend, pieces: readonly Piece[], rows: number): Promise<void> {
  const first = (pieces[0] as Piece).reading;
  const width = ({ reading }: Piece) => reading.result.rows.followedIds.length / rowsOf(reading);
  const wanted = ({ reading, from, count }: Piece) =>
    reading.result.rows.followedIds.subarray(
      from * width({ reading, from, count }),
      (from + count) * width({ reading, from, count }),
    );
  // Followed ids cost a pass over the logits each: only if some row has one.
  const m = pieces.reduce((most, piece) => (wanted(piece).some((id) => id >= 0) ? Math.max(most, width(piece)) : most), 0);
  const inverseSigma = first.inverseSigma ? new Float32Array(rows) : null;
  const followed = new Int32Array(rows * m);
  const expect: number[] = [];
  const keep = pieces.some(({ reading }) => reading.result.kept !== null);
  let at = 0;
  for (const { reading, from, count } of pieces) {
    if (reading.expects) for (let i = 0; i < count; i++) expect.push(at + i);
    if (reading.inverseSigma) inverseSigma?.set(reading.inverseSigma.subarray(from, from + count), at);
    const own = reading.result.rows.followedIds.length / rowsOf(reading);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < Math.min(own, m); j++) {
        followed[(at + i) * m + j] = Math.max(0, reading.result.rows.followedIds[(from + i) * own + j] as number);
      }
    }
    at += count;
  }
  const topK = pieces.reduce((most, { reading }) => Math.max(most, reading.result.k), 1);
  const chunk: ReadoutChunk = {
    rows: pieces.map(({ reading, from, count }) => ({ stream: reading.rows as Stream, from, count })),
    mode: first.mode,
    lens: first.lens,
    inverseSigma,
    topK,
    followed,
    followedCount: m,
    expect,
    reference: referenceOf(pieces, rows),
    referenceRows: first.joint && rowsOfFirst(pieces),
    keep,
  };
  const result = await backend.readOut(chunk);
  at = 0;
  let expected = 0;
  for (const { reading, count } of pieces) {
    accept(reading, result, at, count, m, expected);
    at += count;
    if (reading.expects) expected += count;
  }
}

/** For every row of joint pieces the row of their group's first at the same position; one for all, where one serves all. */
function rowsOfFirst(pieces: readonly Piece[]): number[] {
  let at = 0;
  let first = 0;
  const rows = pieces.flatMap(({ reading, count }) => {
    if (reading.joint?.[0] === reading) first = at;
    at += count;
    return Array.from({ length: count }, (_, row) => first + row);
  });
  return rows.every((row) => row === 0) ? [0] : rows;
}

/** The reference rows of a chunk: one for all, a part of the reference as it lies there, or gathered. */
function referenceOf(pieces: readonly Piece[], rows: number): Distributions | null {
  const { reading, from } = pieces[0] as Piece;
  const reference = reading.reference;
  if (!reference?.kept) return null;
  const V = reference.kept.logits.length / rowsOf(reading);
  const alike = pieces.every((piece) => piece.reading.reference === reference);
  const part = (of: ReadingResult, start: number, count: number, name: keyof Distributions) =>
    (of.kept as Distributions)[name].subarray(start * V, (start + count) * V);
  if (alike && (pieces.length === 1 || rowsOf(reading) === 1)) {
    const count = pieces.length === 1 ? rows : 1;
    return { logits: part(reference, from, count, "logits"), probabilities: part(reference, from, count, "probabilities") };
  }
  const gathered: Distributions = { logits: new Float32Array(rows * V), probabilities: new Float32Array(rows * V) };
  let at = 0;
  for (const piece of pieces) {
    const of = piece.reading.reference as ReadingResult;
    for (const name of ["logits", "probabilities"] as const) gathered[name].set(part(of, piece.from, piece.count, name), at * V);
    at += piece.count;
  }
  return gathered;
}

async function divergenceChunk(backend: Backend, pieces: readonly Piece[], rows: number, d: number): Promise<void> {
  const x = new Float32Array(rows * 2 * d);
  let at = 0;
  for (const { reading, from, count } of pieces) {
    const { p, q } = reading.rows as HiddenPairs;
    x.set(p.subarray(from * d, (from + count) * d), at * d);
    x.set(q.subarray(from * d, (from + count) * d), (rows + at) * d);
    at += count;
  }
  const { lens } = (pieces[0] as Piece).reading;
  const chunk: ReadoutChunk = {
    rows: x,
    mode: "divergence",
    lens,
    inverseSigma: null,
    topK: 1,
    followed: new Int32Array(0),
    followedCount: 0,
    expect: [],
    reference: null,
    referenceRows: null,
    keep: false,
  };
  const { divergence } = await backend.readOut(chunk);
  at = 0;
  for (const { reading, count } of pieces) {
    reading.result.divergence.set(divergence.subarray(at, at + count), reading.done);
    reading.done += count;
    at += count;
  }
}
