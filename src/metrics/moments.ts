/** The shape of a distribution, from sums of powers of its values' distances to their mean. */

/** Population statistics; NaN where nothing varies. */
export interface Shape {
  readonly variance: number;
  /** m₃ / m₂^(3/2) */
  readonly skew: number;
  /** m₄ / m₂²; not excess: a Gaussian has 3. */
  readonly kurtosis: number;
}

/**
 * Of `count` values with mean μ: Σ (x − a)², Σ (x − a)³ and Σ (x − a)⁴ about a point a near μ, `shift` = μ − a. Where a is μ
 * rounded, this takes back what the rounding would do to a skew, 3 · shift / σ.
 */
export function shapeOf(square: number, cube: number, fourth: number, count: number, shift = 0): Shape {
  const [second, third] = [square / count, cube / count];
  const variance = Math.max(0, second - shift ** 2);
  if (variance === 0) return { variance, skew: Number.NaN, kurtosis: Number.NaN };
  const m3 = third - 3 * shift * second + 2 * shift ** 3;
  const m4 = fourth / count - 4 * shift * third + 6 * shift ** 2 * second - 3 * shift ** 4;
  return { variance, skew: m3 / variance ** 1.5, kurtosis: m4 / variance ** 2 };
}
