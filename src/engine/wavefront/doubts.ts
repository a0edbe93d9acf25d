/** Divergences that a cheap identity leaves in doubt: a second look at the logits of both, and in double where that is not enough. */
import { emptyDivergences, type Reading, type ReadingResult } from "./reading.ts";

/** KL(p ‖ q) in nats at every position of two readings. */
export interface Divergence {
  readonly p: ReadingResult;
  readonly q: ReadingResult;
  readonly nats: Float64Array;
}

/** A value of a divergence that is not trusted. */
export interface Doubt {
  readonly divergence: Divergence;
  readonly position: number;
}

/** What is asked of pairs of hidden vectors. */
export type PairsReading = Pick<Reading, "mode" | "rows" | "result">;

export class Doubts {
  readonly #d: number;
  /** By what is to settle them: see `ReadingMode`. */
  readonly #waiting: Record<"difference" | "divergence", Doubt[]> = { difference: [], divergence: [] };
  #asked: { readonly doubts: readonly Doubt[]; readonly result: ReadingResult } | null = null;

  constructor(d: number) {
    this.#d = d;
  }

  add(by: "difference" | "divergence", doubt: Doubt): void {
    this.#waiting[by].push(doubt);
  }

  /** The next reading, once that before it is complete; null: nothing is in doubt (any more). */
  next(): PairsReading | null {
    this.#settle();
    for (const mode of ["difference", "divergence"] as const) {
      const doubts = this.#waiting[mode].splice(0);
      if (doubts.length === 0) continue;
      const result = emptyDivergences(doubts.length);
      this.#asked = { doubts, result };
      return { mode, rows: this.#pairs(doubts), result };
    }
    return null;
  }

  #settle(): void {
    const { doubts = [], result } = this.#asked ?? {};
    this.#asked = null;
    for (const [index, doubt] of doubts.entries()) {
      const nats = result?.divergence[index] as number;
      if (Number.isNaN(nats)) this.add("divergence", doubt);
      else doubt.divergence.nats[doubt.position] = Math.max(0, nats);
    }
  }

  /** Every p once: a layer's and the next one's are compared with the same. */
  #pairs(doubts: readonly Doubt[]): Reading["rows"] {
    const d = this.#d;
    const row = ({ hidden }: ReadingResult, position: number) => hidden.subarray(position * d, (position + 1) * d);
    const places = new Map<ReadingResult, Map<number, number>>();
    const distinct: Float32Array[] = [];
    const of = Int32Array.from(doubts, ({ divergence: { p }, position }) => {
      const known = places.get(p) ?? new Map<number, number>();
      places.set(p, known);
      if (!known.has(position)) known.set(position, distinct.push(row(p, position)) - 1);
      return known.get(position) as number;
    });
    const join = (rows: readonly Float32Array[]) => {
      const joined = new Float32Array(rows.length * d);
      for (const [index, values] of rows.entries()) joined.set(values, index * d);
      return joined;
    };
    return { p: join(distinct), of, q: join(doubts.map(({ divergence: { q }, position }) => row(q, position))) };
  }
}
