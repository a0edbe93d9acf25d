/**
 * Does the depth of a model fall into parts? Signals of every layer, z-scored over depth; the contiguous segmentations with
 * the least squared error within parts (Fisher 1958; Bellman's dynamic programming); whether four explain more than they
 * would of the same layers in any order; and how far their boundaries move with the texts. Ours: the paper draws its stages
 * by eye. Note what the permutation test asks: signals that merely change smoothly with depth pass it too.
 */
import { pcg32, shuffled } from "./pcg32.ts";

/** Numbers of each layer: [layer][signal], the same signals in each. */
export type Signals = readonly (readonly number[])[];

export const MOST_PARTS = 6;

export interface Segmentation {
  /** The first layer of every part but the first, ascending. [parts − 1] */
  readonly boundaries: readonly number[];
  /** Σ over parts, layers and signals of (z − the part's mean)². */
  readonly squaredError: number;
  /** 1 − SSE_k/SSE_1; 0 where no signal varies. */
  readonly explained: number;
}

export interface PermutationTest {
  readonly explained: number;
  /** (1 + permutations that explain at least as much)/(1 + permutations). */
  readonly p: number;
  readonly permutations: number;
}

/** A boundary over bootstrap resamples, in layers. */
export interface BoundaryInterval {
  readonly median: number;
  /** 2.5 and 97.5 % of the resamples lie below and above it, at most. */
  readonly low: number;
  readonly high: number;
}

export interface SeededRepeats {
  readonly seed: number;
  /** Permutations or resamples; default 1000. */
  readonly repeats?: number;
}

/** Explained shares nearer than this are equal: the same layers the other way round are summed in another order. */
const ROUNDING = 1e-9;
/** A spread below this share of a signal's size is rounding. */
const STEADY = 1e-12;

/**
 * (x − mean)/std over layers (population), each signal for itself; one that varies by rounding at most becomes zeros. RangeError where
 * layers have different numbers of signals, or a number is not finite.
 */
export function zScored(signals: Signals): number[][] {
  const layers = signals.length;
  const width = signals[0]?.length ?? 0;
  const scored = signals.map((row, layer) => {
    if (row.length !== width) throw new RangeError(`layer ${layer} has ${row.length} signals; layer 0 has ${width}`);
    return [...row];
  });
  for (let signal = 0; signal < width; signal++) {
    // Less the first layer's: a constant is zero without rounding.
    const values = signals.map((row) => (row[signal] as number) - (signals[0]?.[signal] as number));
    for (const [layer, value] of values.entries())
      if (!Number.isFinite(value)) throw new RangeError(`signal ${signal} is ${signals[layer]?.[signal]} at layer ${layer}`);
    const mean = values.reduce((sum, value) => sum + value, 0) / layers;
    const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / layers);
    const size = Math.max(...signals.map((row) => Math.abs(row[signal] as number)));
    for (const [layer, row] of scored.entries())
      row[signal] = std <= STEADY * size ? 0 : ((values[layer] as number) - mean) / std;
  }
  return scored;
}

/**
 * The best segmentation into k = 1 … `most` parts of signals as measured (z-scored here), at k − 1; null where there are
 * fewer layers than parts. Of equal ones, that whose last part begins first.
 */
export function segmentations(signals: Signals, most = MOST_PARTS): (Segmentation | null)[] {
  const found = divide(zScored(signals), most);
  return Array.from({ length: most }, (_, index) => found[index] ?? null);
}

/**
 * Whether `parts` parts explain more than of the same layers in random orders: all signals of a layer move together.
 * null with fewer layers than parts. Orders are drawn by PCG32 from the seed.
 */
export function permutationTest(signals: Signals, parts: number, repeats: SeededRepeats): PermutationTest | null {
  return toEnd(permutations(signals, parts, repeats));
}

/** The permutation test, pausing after every order. */
export function* permutations(
  signals: Signals,
  parts: number,
  { seed, repeats = 1000 }: SeededRepeats,
): Generator<void, PermutationTest | null> {
  const scored = zScored(signals);
  const explainedBy = (rows: Signals) => divide(rows, parts)[parts - 1]?.explained ?? null;
  const explained = explainedBy(scored);
  if (explained === null) return null;
  const generator = pcg32(seed);
  let asMuch = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const permuted = explainedBy(shuffled(scored, generator)) as number;
    if (permuted >= explained - ROUNDING) asMuch++;
    yield;
  }
  return { explained, p: (1 + asMuch) / (1 + repeats), permutations: repeats };
}

/**
 * The boundaries of the segmentation into `parts` over bootstrap resamples of texts: as many texts, drawn with replacement
 * by PCG32 from the seed; the mean signals of all their observations; z-scored and segmented anew. `texts`:
 * [text][layer][signal], each text's means; a signal that needs no texts is the same in each. `counts`: observations of each,
 * more than 0; without them all texts have as many. null with fewer layers than parts, or fewer than two texts.
 */
export function bootstrapBoundaries(
  texts: readonly Signals[],
  parts: number,
  repeats: SeededRepeats,
  counts?: readonly Signals[],
): BoundaryInterval[] | null {
  return toEnd(boundaryResamples(texts, parts, repeats, counts));
}

/** The bootstrap of boundaries, pausing after every resample. */
export function* boundaryResamples(
  texts: readonly Signals[],
  parts: number,
  { seed, repeats = 1000 }: SeededRepeats,
  counts?: readonly Signals[],
): Generator<void, BoundaryInterval[] | null> {
  const layers = texts[0]?.length ?? 0;
  if (texts.length < 2 || layers < parts) return null;
  const generator = pcg32(seed);
  const drawn: number[][] = Array.from({ length: parts - 1 }, () => []);
  for (const resample of resamples(texts, counts ?? null, generator.below, repeats)) {
    const { boundaries } = divide(zScored(resample), parts)[parts - 1] as Segmentation;
    for (const [index, boundary] of boundaries.entries()) drawn[index]?.push(boundary);
    yield;
  }
  return drawn.map((boundaries) => {
    boundaries.sort((a, b) => a - b);
    const at = (rank: number) => boundaries[rank] as number;
    const last = boundaries.length - 1;
    return { median: at(Math.floor(0.5 * last)), low: at(Math.floor(0.025 * last)), high: at(Math.ceil(0.975 * last)) };
  });
}

function toEnd<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** The mean signals of each resample. */
function* resamples(
  texts: readonly Signals[],
  counts: readonly Signals[] | null,
  below: (bound: number) => number,
  repeats: number,
): Generator<number[][]> {
  const layers = texts[0]?.length ?? 0;
  const width = texts[0]?.[0]?.length ?? 0;
  const flatten = (text: Signals, index: number) => {
    const values = Float64Array.from(text.flat());
    if (text.length !== layers || values.length !== layers * width)
      throw new RangeError(
        `text ${index} has ${values.length} signals of ${text.length} layers; text 0 has ${layers * width} of ${layers}`,
      );
    return values;
  };
  const flat = texts.map(flatten);
  const weights = counts?.map(flatten) ?? null;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const times = new Uint32Array(texts.length);
    for (let draw = 0; draw < texts.length; draw++) {
      const text = below(texts.length);
      times[text] = (times[text] as number) + 1;
    }
    const sums = new Float64Array(layers * width);
    const totals = new Float64Array(layers * width).fill(weights ? 0 : texts.length);
    for (const [index, count] of times.entries()) {
      if (count === 0) continue;
      for (let i = 0; i < sums.length; i++) {
        const weight = weights ? count * (weights[index]?.[i] as number) : count;
        sums[i] = (sums[i] as number) + weight * ((flat[index] as Float64Array)[i] as number);
        if (weights) totals[i] = (totals[i] as number) + weight;
      }
    }
    yield Array.from({ length: layers }, (_, layer) =>
      Array.from({ length: width }, (_, signal) => {
        const at = layer * width + signal;
        return (sums[at] as number) / (totals[at] as number);
      }),
    );
  }
}

/** The best segmentations of z-scored signals into 1 … min(most, layers) parts. */
function divide(scored: Signals, most: number): Segmentation[] {
  const layers = scored.length;
  const costs = segmentErrors(scored);
  const whole = costs[layers - 1] as number;
  const found: Segmentation[] = [];
  // least[end]: of layers 0 … end in k parts; starts[k − 1][end]: where the last of these begins.
  let least = Array.from({ length: layers }, (_, end) => costs[end] as number);
  const starts: number[][] = [new Array<number>(layers).fill(0)];
  for (let k = 1; k <= Math.min(most, layers); k++) {
    if (k > 1) {
      const next = new Array<number>(layers).fill(Number.POSITIVE_INFINITY);
      const begins = new Array<number>(layers).fill(0);
      for (let end = k - 1; end < layers; end++)
        for (let start = k - 1; start <= end; start++) {
          const error = (least[start - 1] as number) + (costs[start * layers + end] as number);
          if (error >= (next[end] as number)) continue;
          next[end] = error;
          begins[end] = start;
        }
      least = next;
      starts.push(begins);
    }
    const squaredError = least[layers - 1] as number;
    found.push({ boundaries: boundariesOf(starts), squaredError, explained: whole === 0 ? 0 : 1 - squaredError / whole });
  }
  return found;
}

function boundariesOf(starts: readonly (readonly number[])[]): number[] {
  const boundaries: number[] = [];
  let end = (starts[0]?.length ?? 0) - 1;
  for (let part = starts.length - 1; part > 0; part--) {
    const start = starts[part]?.[end] as number;
    boundaries.unshift(start);
    end = start - 1;
  }
  return boundaries;
}

/** Σ (z − mean)² over layers start … end and all signals, at start × layers + end (Welford's recurrence). [layers, layers] */
function segmentErrors(scored: Signals): Float64Array {
  const layers = scored.length;
  const errors = new Float64Array(layers * layers);
  for (let start = 0; start < layers; start++) {
    const means = new Float64Array(scored[start]?.length ?? 0);
    let error = 0;
    for (let end = start; end < layers; end++) {
      for (let signal = 0; signal < means.length; signal++) {
        const value = scored[end]?.[signal] as number;
        const apart = value - (means[signal] as number);
        means[signal] = (means[signal] as number) + apart / (end - start + 1);
        error += apart * (value - (means[signal] as number));
      }
      errors[start * layers + end] = error;
    }
  }
  return errors;
}
