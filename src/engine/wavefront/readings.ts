/** Readings that wait for the unembed, and the chunks in which they get it. */
import { type Backend, type Distributions, READOUT_CHUNK, type ReadoutChunk, type Stream } from "../backend/backend.ts";
import { pairChunk } from "./pair-chunks.ts";
import { accept, isOfPairs, type Reading } from "./reading.ts";
import type { Run } from "./run.ts";

interface Piece {
  readonly reading: Reading;
  readonly from: number;
  readonly count: number;
}

export class Readings {
  readonly #comparesFirst: boolean;
  #waiting: Reading[] = [];
  #rows = 0;

  /**
   * `comparesFirst`: what is compared with distributions that are held goes before what waited longer, so that those of
   * one run are let go before the next run's are made.
   */
  constructor({ comparesFirst = false } = {}) {
    this.#comparesFirst = comparesFirst;
  }

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
   * the order in which they were asked for; a run's readings never overtake each other, comparisons apart.
   */
  async runChunk(backend: Backend, d: number): Promise<{ complete: Reading[]; rows: number }> {
    const compared = this.#comparesFirst ? this.#waiting.find(({ reference }) => reference !== null) : undefined;
    const oldest = compared ?? (this.#waiting[0] as Reading);
    const pieces = this.#pieces(oldest, isOfPairs(oldest) ? READOUT_CHUNK / 2 : READOUT_CHUNK);
    const rows = pieces.reduce((sum, { count }) => sum + count, 0);
    this.#rows -= rows;
    if (isOfPairs(oldest)) await pairChunk(backend, pieces, d);
    else await readoutChunk(backend, pieces, rows);
    const complete = pieces.map(({ reading }) => reading).filter((reading) => reading.done === rowsOf(reading));
    const finished = new Set(complete);
    this.#waiting = this.#waiting.filter((reading) => !finished.has(reading));
    return { complete, rows };
  }

  #pieces(oldest: Reading, most: number): Piece[] {
    if (oldest.joint) return this.#jointPieces(oldest, most);
    if (oldest.keeps || oldest.reference) return this.#distributionPieces(oldest);
    const pieces: Piece[] = [];
    const held = new Set<Run>();
    let room = most;
    for (const reading of this.#waiting) {
      if (room === 0) break;
      const fits =
        reading.mode === oldest.mode &&
        reading.lens === oldest.lens &&
        reading.joint === null &&
        reading.reference === null &&
        !reading.keeps;
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

  /**
   * Rows that meet whole distributions: an even part of one reading, the same of every reading of as many rows; or
   * several whole ones that are compared with the same. So nothing of [rows, vocab] is ever gathered or cut.
   */
  #distributionPieces(oldest: Reading): Piece[] {
    const rows = rowsOf(oldest);
    const parts = Math.ceil(rows / READOUT_CHUNK);
    const piece = (reading: Reading): Piece => ({
      reading,
      from: reading.done,
      count: Math.min(Math.ceil(rows / parts), rows - reading.done),
    });
    if (oldest.keeps || parts > 1) return [piece(oldest)];
    const alike = this.#waiting.filter(({ reference }) => reference === oldest.reference);
    return alike.slice(0, Math.floor(READOUT_CHUNK / rows)).map(piece);
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
  return isOfPairs(reading) ? reading.result.divergence.length : reading.result.entropyNats.length;
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
    mode: "readout",
    lens: first.lens,
    inverseSigma,
    topK,
    followed,
    followedCount: m,
    ranks: pieces.some(({ reading }) => reading.ranks),
    expect,
    reference: referenceOf(pieces[0] as Piece),
    referenceRows: first.joint && rowsOfFirst(pieces),
    keep: first.keeps,
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

/** The reference rows of a chunk: the part of the reference that lies as the chunk's first piece does. */
function referenceOf({ reading: { reference }, from }: Piece): Distributions | null {
  return reference?.kept.find((part) => part.from === from) ?? null;
}
