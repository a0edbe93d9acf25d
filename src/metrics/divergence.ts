/** Kullback–Leibler divergence without a second unembed, or without a second look at all logits. */

/** How many times the estimated error a divergence must be, for a cheap identity to be trusted. */
export const GUARD_FACTOR = 1000;
/**
 * The same for the expectation's. Beside its own error it misses that of q's logits, which is in q's normaliser alone and
 * not in Σ p z_q: up to 1e-5 nats of trained models. What is smaller than some tenths of a nat is compared logit by logit.
 */
export const EXPECTATION_GUARD_FACTOR = 10_000;
/** Unit round-off of float32. */
const ROUND_OFF = 2 ** -24;
/** Error of the normalisers and of a difference, in parts of the mass beside the top and of the difference: 0.6 round-offs are the worst measured. */
export const DIFFERENCE_ERROR = 2 * ROUND_OFF;

/**
 * Error of the expectation's terms, in parts of their size. Its product adds 128 terms at a time to what it has, so that
 * roundings grow with the root of the vocabulary: √V/32 round-offs, 16 at 262 144 tokens, of which 11 are the worst measured.
 */
export function expectationError(vocabSize: number): number {
  return ROUND_OFF * Math.max(4, Math.sqrt(vocabSize) / 32);
}

/** What the identity needs of p: e = W_Uᵀp [d], c = b_U·p, and H(p) in nats. */
export interface Expectation {
  readonly vocabSize: number;
  readonly e: Float64Array;
  readonly c: number;
  readonly entropyNats: number;
}

/** How q differs from p; s = z − peak, w = eˢ, each of its own row; rest = Σ w over all but the row's top. */
export interface Difference {
  /** Σ w_p (s_p − s_q) over all tokens; p's top has w = 1 and s = 0. */
  readonly sum: number;
  readonly restP: number;
  readonly restQ: number;
}

export interface GuardedDivergence {
  /** KL(p‖q) in nats; may be slightly negative where it is not trusted. */
  readonly nats: number;
  /** False: the value is so near the identity's own error that the direct sum must be taken. */
  readonly trusted: boolean;
}

/**
 * KL(p‖q) = −H(p) − Σ p z_q + lse_q in nats, from p's expectation and q's hidden vector h [d] and log-sum-exp: since
 * z_q = W_U h + b_U, Σ p z_q = e·h + c. Summed in float64; e and lse_q come of float32 products and cancel.
 */
export function divergenceByExpectation(p: Expectation, hidden: Float32Array, logSumExp: number): GuardedDivergence {
  const { e } = p;
  let expected = p.c;
  for (let i = 0; i < e.length; i++) expected += (e[i] as number) * (hidden[i] as number);
  const nats = -p.entropyNats - expected + logSumExp;
  const error = expectationError(p.vocabSize) * (Math.abs(p.entropyNats) + Math.abs(expected) + Math.abs(logSumExp));
  return { nats, trusted: nats >= EXPECTATION_GUARD_FACTOR * error };
}

/**
 * KL(p‖q) = Σ p (s_p − s_q) + ln(1 + rest_q) − ln(1 + rest_p) in nats. Near distributions have small differences and equal
 * normalisers, so the error is of the size of what float32 sums of the mass beside the top lose.
 */
export function divergenceByDifference({ sum, restP, restQ }: Difference): GuardedDivergence {
  const nats = sum / (1 + restP) + Math.log1p(restQ) - Math.log1p(restP);
  const beside = restP / (1 + restP) + restQ / (1 + restQ);
  return { nats, trusted: nats >= GUARD_FACTOR * DIFFERENCE_ERROR * (beside + Math.abs(sum) / (1 + restP)) };
}

/** KL(p‖q) = Σ p (ln p − ln q) in nats, from logits [V] of both; everything in float64. */
export function divergenceDirect(logitsP: ArrayLike<number>, logitsQ: ArrayLike<number>): number {
  const lseP = logSumExp(logitsP);
  const lseQ = logSumExp(logitsQ);
  let sum = 0;
  for (let v = 0; v < logitsP.length; v++) {
    const lnP = (logitsP[v] as number) - lseP;
    sum += Math.exp(lnP) * (lnP - ((logitsQ[v] as number) - lseQ));
  }
  return sum;
}

/** ln Σ eˣ, shifted by the largest x. */
export function logSumExp(values: ArrayLike<number>): number {
  let peak = -Infinity;
  for (let i = 0; i < values.length; i++) peak = Math.max(peak, values[i] as number);
  if (!Number.isFinite(peak)) return peak;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp((values[i] as number) - peak);
  return peak + Math.log(sum);
}
