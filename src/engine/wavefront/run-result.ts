/** What a run adds up to: divergences between layers and between variants. */
import { divergenceByDifference, divergenceByExpectation } from "../../metrics/divergence.ts";
import { logSumExpOf } from "../../metrics/softmax.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { Attribution, Comparison, ResultEvent, RunJob } from "../protocol.ts";
import { type Divergence, Doubts, type PairsReading } from "./doubts.ts";
import type { EffectScale } from "./effects.ts";
import type { ReadingResult } from "./reading.ts";

interface Pairs {
  /** [variant][step that was read out] */
  readonly layers: readonly (readonly { readonly step: number; readonly divergence: Divergence }[])[];
  /** [variant]; null: the baseline itself, or there is none. */
  readonly comparisons: readonly (Divergence | null)[];
}

export class RunResult {
  readonly #job: RunJob;
  readonly #spec: Pick<ModelSpec, "dModel" | "vocabSize">;
  /** [variant][step] */
  readonly #readings: Map<number, ReadingResult>[];
  readonly #attributions = new Map<number, Attribution>();
  readonly #effects: EffectScale | null;
  #pairs: Pairs = { layers: [], comparisons: [] };
  #doubts: Doubts | null = null;

  /** `effects`: of a job with `normalise`. */
  constructor(job: RunJob, spec: Pick<ModelSpec, "dModel" | "vocabSize">, effects: EffectScale | null) {
    this.#job = job;
    this.#effects = effects;
    this.#spec = spec;
    this.#readings = job.schedules.map(() => new Map());
  }

  /** Whether the baseline is among these schedules, and something is compared with it. */
  isCompared(ends: readonly number[]): boolean {
    const { baseline, schedules } = this.#job;
    return baseline !== null && schedules.length > 1 && ends.includes(baseline);
  }

  /** Keeps the reading of a step for every schedule that it belongs to. */
  add(variants: readonly number[], step: number, result: ReadingResult): void {
    for (const variant of variants) this.#readings[variant]?.set(step, result);
  }

  /** Keeps the attribution of the schedules that end with it. */
  attribute(variants: readonly number[], attribution: Attribution): void {
    for (const variant of variants) this.#attributions.set(variant, attribution);
  }

  /**
   * All divergences by the cheap identities; what is in doubt comes back as readings of pairs of hidden vectors, one after
   * the other. Null: nothing is (any more).
   */
  doubtful(): PairsReading | null {
    if (!this.#doubts) {
      this.#doubts = new Doubts(this.#spec.dModel);
      for (const divergence of this.#divergences()) this.#identity(divergence, this.#doubts);
    }
    return this.#doubts.next();
  }

  /** The result event; `doubtful` has been called until it gave null. */
  event(): ResultEvent {
    const { layers, comparisons } = this.#pairs;
    return {
      type: "result",
      variants: this.#job.schedules.map((_, variant) => ({
        layers: (layers[variant] ?? []).map(({ step, divergence }) => ({ step, klFinalNats: divergence.nats })),
        final: this.#final(variant).rows,
        ...(this.#attributions.has(variant) && { attribution: this.#attributions.get(variant) as Attribution }),
      })),
      ...(this.#effects?.source && { source: this.#effects.source }),
      comparisons: comparisons.flatMap((divergence, variant) => (divergence ? [this.#comparison(variant, divergence)] : [])),
    };
  }

  #divergences(): Divergence[] {
    const { schedules, baseline, readout } = this.#job;
    const between = (p: ReadingResult, q: ReadingResult): Divergence => ({
      p,
      q,
      nats: new Float64Array(readout.positions.length),
    });
    const layers = schedules.map((_, variant) => {
      if (readout.layers === "final") return [];
      const final = this.#final(variant);
      return [...(this.#readings[variant] ?? [])]
        .sort(([a], [b]) => a - b)
        .map(([step, q]) => ({ step, divergence: between(final, q) }));
    });
    const comparisons = schedules.map((_, variant) =>
      baseline === null || variant === baseline ? null : between(this.#final(baseline), this.#final(variant)),
    );
    this.#pairs = { layers, comparisons };
    return [...layers.flat().map(({ divergence }) => divergence), ...comparisons.filter((each) => each !== null)];
  }

  #identity(divergence: Divergence, doubts: Doubts): void {
    const { p, q, nats } = divergence;
    if (p === q) return;
    for (let position = 0; position < nats.length; position++) {
      if (!Number.isNaN(q.difference[position])) {
        const { nats: value, trusted } = divergenceByDifference({
          sum: q.difference[position] as number,
          restP: p.rest[position] as number,
          restQ: q.rest[position] as number,
        });
        nats[position] = value;
        if (!trusted) doubts.add("divergence", { divergence, position });
        continue;
      }
      const expectation = {
        vocabSize: this.#spec.vocabSize,
        e: p.expectation.subarray(position * this.#spec.dModel, (position + 1) * this.#spec.dModel),
        c: p.expectedBias[position] as number,
        entropyNats: p.entropyNats[position] as number,
      };
      const { nats: value, trusted } = divergenceByExpectation(
        expectation,
        this.#row(q.hidden, position),
        logSumExpOf(q.peak[position] as number, q.rest[position] as number),
      );
      nats[position] = value;
      if (!trusted) doubts.add("difference", { divergence, position });
    }
  }

  #comparison(variant: number, { p, q, nats }: Divergence): Comparison {
    const positions = this.#job.readout.positions.map((_, index) => index);
    const width = p.rows.followedIds.length / positions.length;
    return {
      variant,
      klNats: nats,
      top1Agreement: positions.map((at) => p.rows.topIds[at * p.k] === q.rows.topIds[at * q.k]),
      topRowAgreement: positions.map((at) => p.rows.topRows[at] === q.rows.topRows[at]),
      entropyChangeBits: Float64Array.from(
        positions,
        (at) => ((q.entropyNats[at] as number) - (p.entropyNats[at] as number)) / Math.LN2,
      ),
      lossChangeNats: Float64Array.from(
        positions,
        (at) => (p.rows.followedLogprobs[at * width] as number) - (q.rows.followedLogprobs[at * width] as number),
      ),
      ...(this.#effects && { effect: this.#effects.of(q.rows) }),
    };
  }

  #final(variant: number): ReadingResult {
    const depth = this.#job.schedules[variant]?.steps.length as number;
    return this.#readings[variant]?.get(depth) as ReadingResult;
  }

  #row(values: Float32Array, index: number): Float32Array {
    return values.subarray(index * this.#spec.dModel, (index + 1) * this.#spec.dModel);
  }
}
