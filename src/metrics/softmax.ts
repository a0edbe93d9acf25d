/**
 * A softmax from what is summed relative to its largest logit: s = z − peak, and rest = Σ eˢ over all other tokens. So
 * ln Σ e^z = peak + ln(1 + rest), nothing small is ever added to something large, and what all logits have in common is
 * gone before anything is rounded.
 */

/** ln p of a token in nats. `relative`: its logit minus the peak. */
export function logProbability(relative: number, rest: number): number {
  return relative - Math.log1p(rest);
}

/** ln Σ e^z. */
export function logSumExpOf(peak: number, rest: number): number {
  return peak + Math.log1p(rest);
}

/** −Σ p ln p in nats. `energy`: Σ eˢ s, which is never positive, so that two terms of one sign are added. */
export function entropyNats(rest: number, energy: number): number {
  return Math.log1p(rest) - energy / (1 + rest);
}

/** Row `row` of partial sums [n, blocks], added in order, in float64. */
export function sumOfBlocks(parts: Float32Array, row: number, blocks: number): number {
  let sum = 0;
  for (let i = row * blocks; i < (row + 1) * blocks; i++) sum += parts[i] as number;
  return sum;
}
