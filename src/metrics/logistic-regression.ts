/**
 * Binary logistic regression with an L2 penalty, for probes: the same optimum as scikit-learn's LogisticRegression(C=…).
 * Iteratively reweighted least squares, which is Newton's method, each step solved by conjugate gradients with a diagonal
 * preconditioner (Nocedal and Wright, Numerical Optimization, 7.1): memory for a few vectors beside X, at any width.
 */

export interface LogisticOptions {
  /** Inverse strength of the penalty, over 0: the objective is ‖w‖²/2 + C Σ s_i ln(1 + e^(−±f_i)), the intercept free. Default 1. */
  readonly C?: number;
  /** Weight s of each row, at least 0. [n]; default 1 each. */
  readonly weights?: Float64Array;
  /** The largest entry of the gradient, of the objective divided by C Σ s, at which it has converged. Default 1e-8. */
  readonly tolerance?: number;
  /** Newton steps at most. Default 100. */
  readonly maxIterations?: number;
}

export interface LogisticModel {
  /** w. [d] */
  readonly weights: Float64Array;
  readonly intercept: number;
  /** Newton steps taken. */
  readonly iterations: number;
  /** False: the gradient is still above the tolerance, after all steps or because rounding allows no better. */
  readonly converged: boolean;
}

/** Of the decrease that the slope promises, the share that a step must bring (Armijo). */
const SUFFICIENT = 1e-4;
const SHORTEST_STEP = 2 ** -40;

/** What every pass needs: X [n, d], labels and weights divided by their sum [n], and the penalty on the same scale. */
interface Fit {
  readonly x: Float64Array;
  readonly y: Uint8Array;
  readonly n: number;
  readonly d: number;
  readonly shares: Float64Array;
  readonly penalty: number;
}

/**
 * Fits rows X [n, d] with labels 0 and 1 [n]. Standardise first: the penalty sees the columns' scales. RangeError for
 * shapes that do not fit, numbers that are not finite, or where only one label has weight: then the optimum is at infinity.
 */
export function fitLogistic(x: Float64Array, y: Uint8Array, options: LogisticOptions = {}): LogisticModel {
  const { tolerance = 1e-8, maxIterations = 100 } = options;
  const fit = checked(x, y, options);
  const { n, d } = fit;
  // The weights, then the intercept; f = X w + b.
  const point = new Float64Array(d + 1);
  const scores = new Float64Array(n);
  let value = objective(fit, point, scores);
  let gradient = gradientAt(fit, point);
  const first = largest(gradient);
  let iterations = 0;
  for (; largest(gradient) > tolerance && iterations < maxIterations; iterations++) {
    // Solved the more exactly, the nearer the optimum: the last steps then converge as Newton's do.
    const accuracy = Math.min(0.5, Math.sqrt(largest(gradient) / first));
    const step = newtonStep(fit, scores, gradient, accuracy);
    const moved = scoresOf(fit, step);
    const slope = dot(gradient, step);
    let length = 1;
    let next = objectiveAlong(fit, point, scores, step, moved, length);
    // A decrease below the value's own rounding cannot be seen.
    const unseen = 4 * Number.EPSILON * value;
    while (!(next <= value + SUFFICIENT * length * slope + unseen) && length > SHORTEST_STEP) {
      length /= 2;
      next = objectiveAlong(fit, point, scores, step, moved, length);
    }
    if (!(length > SHORTEST_STEP)) break;
    addTo(point, step, length);
    addTo(scores, moved, length);
    value = next;
    gradient = gradientAt(fit, point);
  }
  const converged = largest(gradient) <= tolerance;
  return { weights: point.slice(0, d), intercept: point[d] as number, iterations, converged };
}

/** The probability of label 1 for each row of X [n, d]. [n] */
export function predict(model: Pick<LogisticModel, "weights" | "intercept">, x: Float64Array): Float64Array {
  const { weights, intercept } = model;
  const d = weights.length;
  if (x.length % d !== 0) throw new RangeError(`${x.length} numbers are not whole rows of the model's width, ${d}`);
  const probabilities = new Float64Array(x.length / d);
  for (let i = 0; i < probabilities.length; i++) probabilities[i] = sigmoid(rowDot(x, i * d, weights, d) + intercept);
  return probabilities;
}

/** The share of rows whose label is the likelier one: 1 where its probability is above 1/2. NaN without rows. */
export function accuracy(model: Pick<LogisticModel, "weights" | "intercept">, x: Float64Array, y: Uint8Array): number {
  let right = 0;
  for (const [i, probability] of predict(model, x).entries()) if (probability > 0.5 === (y[i] === 1)) right++;
  return right / y.length;
}

/** Weights under which both labels count as much, n/(2 n_label) each row (scikit-learn's class_weight="balanced"). [n] */
export function balancedWeights(y: Uint8Array): Float64Array {
  let ones = 0;
  for (const label of y) ones += label;
  return Float64Array.from(y, (label) => y.length / (2 * (label === 1 ? ones : y.length - ones)));
}

function checked(x: Float64Array, y: Uint8Array, { C = 1, weights }: LogisticOptions): Fit {
  const n = y.length;
  const d = x.length / n;
  if (!(n > 0 && Number.isInteger(d) && d > 0)) throw new RangeError(`${x.length} numbers are not whole rows for ${n} labels`);
  if (weights && weights.length !== n) throw new RangeError(`${weights.length} weights for ${n} labels`);
  if (!(C > 0 && Number.isFinite(C))) throw new RangeError(`C is a number above 0, not ${C}`);
  const sums: [number, number] = [0, 0];
  for (const [i, label] of y.entries()) {
    const weight = weights ? (weights[i] as number) : 1;
    if (label !== 0 && label !== 1) throw new RangeError(`row ${i} has the label ${label}, not 0 or 1`);
    if (!(weight >= 0 && Number.isFinite(weight))) throw new RangeError(`row ${i} has the weight ${weight}`);
    sums[label] += weight;
  }
  for (const label of [0, 1] as const)
    if (sums[label] === 0) throw new RangeError(`no row has the label ${label}: a probe needs both`);
  for (const [i, value] of x.entries())
    if (!Number.isFinite(value)) throw new RangeError(`row ${Math.floor(i / d)}, column ${i % d} is ${value}`);
  const total = sums[0] + sums[1];
  const shares = Float64Array.from(y, (_, i) => (weights ? (weights[i] as number) : 1) / total);
  return { x, y, n, d, shares, penalty: 1 / (C * total) };
}

/** penalty ‖w‖²/2 + Σ share_i (ln(1 + e^f_i) − y_i f_i). */
function objective(fit: Fit, point: Float64Array, scores: Float64Array): number {
  let loss = 0;
  for (let i = 0; i < fit.n; i++) {
    // ln(1 + e^(−m)) of the margin m, without overflow.
    const margin = fit.y[i] === 1 ? (scores[i] as number) : -(scores[i] as number);
    loss += (fit.shares[i] as number) * (Math.max(-margin, 0) + Math.log1p(Math.exp(-Math.abs(margin))));
  }
  let square = 0;
  for (let j = 0; j < fit.d; j++) square += (point[j] as number) ** 2;
  return loss + (fit.penalty * square) / 2;
}

function objectiveAlong(
  fit: Fit,
  point: Float64Array,
  scores: Float64Array,
  step: Float64Array,
  moved: Float64Array,
  length: number,
): number {
  const [there, scoresThere] = [point.slice(), scores.slice()];
  addTo(there, step, length);
  addTo(scoresThere, moved, length);
  return objective(fit, there, scoresThere);
}

/** [d + 1] */
function gradientAt(fit: Fit, point: Float64Array): Float64Array {
  const { y, d, shares, penalty } = fit;
  const gradient = point.map((value, j) => (j < d ? penalty * value : 0));
  // p − y; as −(1 − p) where y is 1, which does not cancel.
  addRows(fit, point, (i, score) => (shares[i] as number) * (y[i] === 1 ? -sigmoid(-score) : sigmoid(score)), gradient);
  return gradient;
}

/** Solves H s = −g by conjugate gradients from 0, until the residual is below `accuracy` times g (or rounding ends it). [d + 1] */
function newtonStep(fit: Fit, scores: Float64Array, gradient: Float64Array, accuracy: number): Float64Array {
  const { x, n, d, shares, penalty } = fit;
  const curvatures = new Float64Array(n);
  const diagonal = new Float64Array(d + 1).fill(penalty, 0, d);
  for (let i = 0; i < n; i++) {
    const score = scores[i] as number;
    const curvature = (shares[i] as number) * sigmoid(score) * sigmoid(-score);
    curvatures[i] = curvature;
    for (let j = 0; j < d; j++) diagonal[j] = (diagonal[j] as number) + curvature * (x[i * d + j] as number) ** 2;
    diagonal[d] = (diagonal[d] as number) + curvature;
  }
  const precondition = (r: Float64Array) => r.map((value, j) => value / ((diagonal[j] as number) || 1));

  const step = new Float64Array(d + 1);
  const residual = gradient.map((value) => -value);
  let scaled = precondition(residual);
  const direction = scaled.slice();
  const start = dot(residual, scaled);
  let size = start;
  for (let round = 0; round <= 2 * d + 10; round++) {
    const image = hessianTimes(fit, curvatures, direction);
    const bend = dot(direction, image);
    if (!(bend > 0)) break;
    const length = size / bend;
    addTo(step, direction, length);
    addTo(residual, image, -length);
    scaled = precondition(residual);
    const next = dot(residual, scaled);
    if (!(next > accuracy * accuracy * start)) break;
    for (let j = 0; j <= d; j++) direction[j] = (scaled[j] as number) + (next / size) * (direction[j] as number);
    size = next;
  }
  return step;
}

/** (penalty I + X̃ᵀ diag(curvatures) X̃) v, with X̃ = [X 1] and the intercept free of penalty. [d + 1] */
function hessianTimes(fit: Fit, curvatures: Float64Array, v: Float64Array): Float64Array {
  const image = v.map((value, j) => (j < fit.d ? fit.penalty * value : 0));
  addRows(fit, v, (i, score) => (curvatures[i] as number) * score, image);
  return image;
}

/**
 * to += Σ_i weight(i, x̃_i·v) x̃_i with x̃ = [x 1]: the one pass over X that everything is made of. Four rows at a time,
 * read again while they are near: 2.5 to 3 times as fast as one by one at d = 4096. `v`, `to`: [d + 1]
 */
function addRows({ x, n, d }: Fit, v: Float64Array, weight: (row: number, score: number) => number, to: Float64Array): void {
  const free = v[d] as number;
  for (let i = 0; i < n; i += 4) {
    // Beyond the last row stands the last row, with no weight.
    const [p, q, r, s] = [i * d, Math.min(i + 1, n - 1) * d, Math.min(i + 2, n - 1) * d, Math.min(i + 3, n - 1) * d];
    let [a, b, c, e] = [free, free, free, free];
    for (let j = 0; j < d; j++) {
      const value = v[j] as number;
      a += (x[p + j] as number) * value;
      b += (x[q + j] as number) * value;
      c += (x[r + j] as number) * value;
      e += (x[s + j] as number) * value;
    }
    a = weight(i, a);
    b = i + 1 < n ? weight(i + 1, b) : 0;
    c = i + 2 < n ? weight(i + 2, c) : 0;
    e = i + 3 < n ? weight(i + 3, e) : 0;
    for (let j = 0; j < d; j++) {
      const upper = a * (x[p + j] as number) + b * (x[q + j] as number);
      to[j] = (to[j] as number) + (upper + (c * (x[r + j] as number) + e * (x[s + j] as number)));
    }
    to[d] = (to[d] as number) + (a + b + (c + e));
  }
}

/** X w + b. [n] */
function scoresOf({ x, n, d }: Fit, point: Float64Array): Float64Array {
  const scores = new Float64Array(n);
  for (let i = 0; i < n; i++) scores[i] = rowDot(x, i * d, point, d) + (point[d] as number);
  return scores;
}

function sigmoid(score: number): number {
  return score >= 0 ? 1 / (1 + Math.exp(-score)) : Math.exp(score) / (1 + Math.exp(score));
}

/** Σ x[at + j] v[j], j below d. */
function rowDot(x: Float64Array, at: number, v: Float64Array, d: number): number {
  let sum = 0;
  for (let j = 0; j < d; j++) sum += (x[at + j] as number) * (v[j] as number);
  return sum;
}

function addTo(to: Float64Array, step: Float64Array, times: number): void {
  for (let j = 0; j < to.length; j++) to[j] = (to[j] as number) + times * (step[j] as number);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (a[j] as number) * (b[j] as number);
  return sum;
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
