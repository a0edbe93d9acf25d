/** What one check came to: numbers compared, the largest error, and whether it is within what is allowed. */

/** `exact`: the error counts values that differ. `relative`: ‖a − b‖₂ / ‖b‖₂ of a row. `absolute`: |a − b|. */
export type Measure = "exact" | "relative" | "absolute";

export interface Finding {
  readonly measure: Measure;
  /** The largest of all comparisons; NaN where something was no number. */
  readonly error: number;
  readonly tolerance: number;
  /** Values that were compared. */
  readonly compared: number;
  /** Where the largest error was; null: there is none. */
  readonly worst: string | null;
  /** What else there is to say. */
  readonly note: string | null;
}

/** float32 against float32 in another order of summation: what is expected is 1e-5. */
export const RELATIVE = 1e-4;
/** Probabilities and attention weights, whose sums are near 1. */
export const ABSOLUTE = 1e-5;

/** Whether a finding is within its tolerance; what is no number, or compares nothing, is not. */
export function isWithin({ error, tolerance, compared }: Finding): boolean {
  return error <= tolerance && compared > 0;
}

type Numbers = ArrayLike<number>;

/** Collects comparisons of one check. */
export class Tally {
  readonly #measure: Measure;
  readonly #tolerance: number;
  #error = 0;
  #compared = 0;
  #worst: string | null = null;

  constructor(measure: Measure, tolerance = measure === "exact" ? 0 : measure === "relative" ? RELATIVE : ABSOLUTE) {
    this.#measure = measure;
    this.#tolerance = tolerance;
  }

  /**
   * Compares two arrays of one length, row by row of `width` values (by default, as one row). A missing or shorter one
   * counts as an infinite error. `exact`: 0 and −0 are the same number.
   */
  compare(where: string, actual: Numbers | null | undefined, expected: Numbers | null | undefined, width?: number): void {
    if (!actual || !expected || actual.length !== expected.length) {
      this.#take(where, Number.POSITIVE_INFINITY, Math.max(actual?.length ?? 0, expected?.length ?? 0));
      return;
    }
    if (this.#measure === "exact") this.#countDifferent(where, actual, expected);
    else if (this.#measure === "absolute") this.#largestDifference(where, actual, expected);
    else this.#relativeRows(where, actual, expected, width ?? expected.length);
  }

  /** Takes an error that was computed elsewhere, of `compared` values. */
  error(where: string, error: number, compared = 1): void {
    this.#take(where, error, compared);
  }

  finding(note: string | null = null): Finding {
    return {
      measure: this.#measure,
      error: this.#error,
      tolerance: this.#tolerance,
      compared: this.#compared,
      worst: this.#worst,
      note,
    };
  }

  #countDifferent(where: string, actual: Numbers, expected: Numbers): void {
    let different = 0;
    for (let i = 0; i < expected.length; i++) if (actual[i] !== expected[i]) different++;
    this.#compared += expected.length;
    this.#error += different;
    if (different > 0) this.#worst ??= where;
  }

  #largestDifference(where: string, actual: Numbers, expected: Numbers): void {
    let largest = 0;
    for (let i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs((actual[i] as number) - (expected[i] as number))); // NaN stays NaN
    }
    this.#take(where, largest, expected.length);
  }

  #relativeRows(where: string, actual: Numbers, expected: Numbers, width: number): void {
    let largest = 0;
    for (let from = 0; from < expected.length; from += width) {
      largest = Math.max(largest, relativeError(actual, expected, from, Math.min(expected.length, from + width)));
    }
    this.#take(where, largest, expected.length);
  }

  #take(where: string, error: number, compared: number): void {
    this.#compared += compared;
    const isMore = Number.isNaN(error) || error > this.#error;
    if (!isMore || Number.isNaN(this.#error)) return;
    this.#error = error;
    this.#worst = where;
  }
}

/** ‖a − b‖₂ / ‖b‖₂ over a range, in float64; of b = 0, 0 where a is too and infinite elsewhere. */
function relativeError(actual: Numbers, expected: Numbers, from: number, to: number): number {
  let difference = 0;
  let norm = 0;
  for (let i = from; i < to; i++) {
    difference += ((actual[i] as number) - (expected[i] as number)) ** 2;
    norm += (expected[i] as number) ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}
