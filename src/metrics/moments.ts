/** The shape of a distribution, from sums of powers of its values' distances to their mean. */

/** Population statistics; NaN where nothing varies. */
export interface Shape {
  readonly variance: number;
  /** m₃ / m₂^(3/2) */
  readonly skew: number;
  /** m₄ / m₂²; not excess: a Gaussian has 3. */
  readonly kurtosis: number;
}

/** Of `count` values with mean μ: Σ (x − μ)², Σ (x − μ)³ and Σ (x − μ)⁴. */
export function shapeOf(square: number, cube: number, fourth: number, count: number): Shape {
  const variance = square / count;
  return { variance, skew: cube / count / variance ** 1.5, kurtosis: fourth / count / variance ** 2 };
}
