/** What kinds share that compare variants with the untouched model, token by token (arXiv 2406.19384, figure 3). */
import type { Comparison } from "../../engine/protocol.ts";
import type { Schedule } from "../../engine/schedule.ts";
import type { LabJob, RunOutput } from "../lab.ts";
import { countedPositions, type Study } from "../study.ts";

/** KL(p‖q) in nats, whether the most likely row of the vocabulary is the same (padding included, as in the softmax), H(q) − H(p) in bits, −ln q + ln p of the next token. */
export const COMPARISON_STATISTICS = ["kl_nats", "top1_agreement", "entropy_change_bits", "loss_change_nats"] as const;

/**
 * Variants of one job: streams of all are held at once. A fixed size: how variants are grouped is part of what is
 * computed.
 */
export const VARIANTS_PER_JOB = 64;

/** A text's runs: the baseline with every so many variants. */
export function comparisonJobs(
  study: Pick<Study, "prependBos">,
  tokens: readonly number[],
  baseline: Schedule,
  variants: readonly Schedule[],
  extra: Partial<LabJob> = {},
): LabJob[] {
  const readout = { positions: countedPositions(study, tokens.length) };
  return Array.from({ length: Math.ceil(variants.length / VARIANTS_PER_JOB) }, (_, i) => ({
    ...extra,
    tokens,
    schedules: [baseline, ...variants.slice(i * VARIANTS_PER_JOB, (i + 1) * VARIANTS_PER_JOB)],
    baseline: 0,
    readout: { ...readout, ...extra.readout },
  }));
}

/** Of every variant, in order, its comparison with the baseline. */
export function comparisonsOf(outputs: readonly RunOutput[]): Comparison[] {
  return outputs.flatMap(({ result }) => [...result.comparisons].sort((a, b) => a.variant - b.variant));
}

/** The values of `COMPARISON_STATISTICS`, in order. The last token's loss is left out: it has no next token. */
export function comparisonValues({ klNats, topRowAgreement, entropyChangeBits, lossChangeNats }: Comparison): Float64Array[] {
  return [
    klNats,
    Float64Array.from(topRowAgreement, Number),
    entropyChangeBits,
    lossChangeNats.filter((value) => !Number.isNaN(value)),
  ];
}

/** a − b, value by value. */
export function pairedDifference(a: readonly Float64Array[], b: readonly Float64Array[]): Float64Array[] {
  return a.map((values, i) => values.map((value, j) => value - (b[i]?.[j] as number)));
}
