/** Normalised logit differences: 0 is the baseline, 1 the source that values were patched from. */
import type { ReadoutRows, RunJob } from "../protocol.ts";

/** [P, pairs]: of the targets in pairs, logit of the first minus logit of the second. */
export function logitDifferences(rows: ReadoutRows, { readout }: RunJob): Float64Array {
  const width = 1 + readout.targets.length;
  const pairs = Math.floor(readout.targets.length / 2);
  return Float64Array.from({ length: readout.positions.length * pairs }, (_, i) => {
    const at = Math.floor(i / pairs) * width + 1 + 2 * (i % pairs);
    return (rows.followedLogits[at] as number) - (rows.followedLogits[at + 1] as number);
  });
}

/** (Δ − Δ_baseline) / (Δ_source − Δ_baseline), [P, pairs]; NaN where source and baseline do not differ. */
export function effectOf(own: Float64Array, baseline: Float64Array, source: Float64Array): Float32Array {
  return Float32Array.from(own, (value, i) => {
    const whole = (source[i] as number) - (baseline[i] as number);
    return whole === 0 ? Number.NaN : (value - (baseline[i] as number)) / whole + 0; // −0 is 0
  });
}

/** Holds what needs both ends of the scale until they are there. */
export class EffectScale {
  readonly #job: RunJob;
  #baseline: ReadoutRows | null = null;
  #source: ReadoutRows | null = null;
  #waiting: (() => void)[] = [];

  constructor(job: RunJob) {
    this.#job = job;
  }

  get source(): ReadoutRows | null {
    return this.#source;
  }

  /** How many wait. */
  get held(): number {
    return this.#waiting.length;
  }

  setBaseline(rows: ReadoutRows): void {
    this.#baseline = rows;
    this.#flush();
  }

  setSource(rows: ReadoutRows): void {
    this.#source = rows;
    this.#flush();
  }

  /** Runs `then` at once, or when both ends are known. */
  whenKnown(then: () => void): void {
    if (this.#baseline && this.#source) then();
    else this.#waiting.push(then);
  }

  /** The effect of a final read-out; both ends are known. */
  of(rows: ReadoutRows): Float32Array {
    const differences = (of: ReadoutRows | null) => logitDifferences(of as ReadoutRows, this.#job);
    return effectOf(differences(rows), differences(this.#baseline), differences(this.#source));
  }

  #flush(): void {
    if (!this.#baseline || !this.#source) return;
    for (const then of this.#waiting.splice(0)) then();
  }
}
