/** The census of one layer: groups of neurons against parts of the vocabulary, one call each. */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { shapeOf } from "../../metrics/moments.ts";
import type { TensorFiles } from "../checkpoint/rows.ts";
import { CENSUS_OUTPUTS } from "../graph/census.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { CensusJob, CensusRows } from "../protocol.ts";
import { readNeurons } from "./neurons.ts";
import type { RowSums, UnembedTable } from "./unembed-table.ts";

/** Neurons, and rows of the unembed, that one call multiplies: 1.6 GFLOP at d = 768, and 4 MB that stay in the cache. */
export const NEURONS_A_CALL = 1024;
export const ROWS_A_CALL = 1024;
/** A layer of less work is counted in double: skews near 0 are differences of what float32 rounds. */
const DOUBLE_FLOPS = 2 ** 32;

/** Numbers in the precision that a model's neurons are counted in. */
export type Reals = Float32Array | Float64Array;

export function countsInDouble({ vocabSize, dMlp, dModel }: ModelSpec): boolean {
  return 2 * vocabSize * dMlp * dModel <= DOUBLE_FLOPS;
}

export interface LayerParts {
  readonly spec: ModelSpec;
  readonly files: TensorFiles;
  readonly session: InferenceSession;
  readonly sums: RowSums;
  readonly table: UnembedTable;
}

/**
 * Pauses after every call. Σ (c − μ)^k of cosines c is float32 within a call, or float64, and float64 from there on; μ
 * is exact: cosines are linear in the rows. At V = 262 144, a common part of all rows as large as what they differ by:
 * kurtosis and variance within 1e-6 of themselves, skew within 1e-6; thirty times as large: skew within 1e-5.
 */
export async function* layerCensus(job: CensusJob, parts: LayerParts): AsyncGenerator<void, CensusRows> {
  const { spec, files, sums } = parts;
  const { dMlp, dModel: d } = spec;
  const kurtosis = new Float64Array(dMlp);
  const skew = new Float64Array(dMlp);
  const variance = new Float64Array(dMlp);
  const directions = (job.tokenSets ?? []).map((set) => setDirection(spec, files, set, sums));
  const setEffects = directions.map(() => new Float64Array(dMlp));
  const groups = Math.ceil(dMlp / NEURONS_A_CALL);
  for (let group = 0; group < groups; group++) {
    const first = Math.floor((group * dMlp) / groups);
    const count = Math.floor(((group + 1) * dMlp) / groups) - first;
    const { along: exact, norms } = readNeurons(files, spec, job, first, count);
    const along = countsInDouble(spec) ? exact : Float32Array.from(exact);
    const { powers, shifts } = yield* groupPowers(along, count, parts);
    for (let neuron = 0; neuron < count; neuron++) {
      const [square, cube, fourth] = powers.map((sum) => sum[neuron] as number) as [number, number, number];
      const shape = shapeOf(square, cube, fourth, spec.vocabSize, shifts[neuron]);
      kurtosis[first + neuron] = shape.kurtosis;
      skew[first + neuron] = shape.skew;
      variance[first + neuron] = shape.variance;
      for (const [set, direction] of directions.entries())
        (setEffects[set] as Float64Array)[first + neuron] = (norms[neuron] as number) * dot(along, neuron * d, direction);
    }
  }
  return { kurtosis, skew, variance, setEffects };
}

/** Of every neuron, [n] each. */
interface Powers {
  /** Σ (c − a)², Σ (c − a)³ and Σ (c − a)⁴ over the whole vocabulary. */
  readonly powers: readonly Float64Array[];
  /** μ − a: what rounding took from the mean that is subtracted, and from what comes before it. */
  readonly shifts: Float64Array;
}

async function* groupPowers(along: Reals, count: number, parts: LayerParts): AsyncGenerator<void, Powers> {
  const { spec, session, table } = parts;
  const { dModel: d, vocabSize: V } = spec;
  const offset = realsLike(along, count);
  const mean = realsLike(along, count);
  const shifts = new Float64Array(count);
  for (let neuron = 0; neuron < count; neuron++) {
    offset[neuron] = -dot(along, neuron * d, table.centre);
    // With the offset as the calls have it.
    const exact = dot(along, neuron * d, table.scaledRow) + (offset[neuron] as number) * table.meanScale;
    mean[neuron] = exact;
    shifts[neuron] = exact - (mean[neuron] as number);
  }
  const place = (at: number) => new Tensor("int64", BigInt64Array.of(BigInt(at)), [1]);
  const neurons = { x: tensor(along, [count, d]), offset: tensor(offset, [1, count]), mean: tensor(mean, [1, count]) };
  const powers = CENSUS_OUTPUTS.map(() => new Float64Array(count));
  for (let from = 0; from < V; from += ROWS_A_CALL) {
    const to = Math.min(from + ROWS_A_CALL, V);
    const scale = tensor(table.scale.subarray(from, to), [to - from, 1]);
    const out = await session.run({ ...neurons, scale, from: place(from), to: place(to) });
    for (const [index, name] of CENSUS_OUTPUTS.entries()) {
      const sum = powers[index] as Float64Array;
      const part = out[name]?.data as Reals;
      for (let neuron = 0; neuron < count; neuron++) sum[neuron] = (sum[neuron] as number) + (part[neuron] as number);
    }
    yield;
  }
  return { powers, shifts };
}

/** [d] the mean row of a set of tokens minus the mean row of all others; NaN where one of them is empty. */
function setDirection(
  { dModel: d, tokenCount, unembed }: ModelSpec,
  files: TensorFiles,
  set: readonly number[],
  { tokens }: RowSums,
) {
  const ids = [...new Set(set)].sort((a, b) => a - b);
  const inside = new Float64Array(d);
  for (let from = 0; from < ids.length; from += ROWS_A_CALL) {
    const rows = files.readRows(unembed.weight, ids.slice(from, from + ROWS_A_CALL));
    for (let i = 0; i < rows.length; i++) inside[i % d] = (inside[i % d] as number) + (rows[i] as number);
  }
  return inside.map((sum, i) => sum / ids.length - ((tokens[i] as number) - sum) / (tokenCount - ids.length));
}

function realsLike(values: Reals, length: number): Reals {
  return values instanceof Float64Array ? new Float64Array(length) : new Float32Array(length);
}

function tensor(values: Reals, dims: readonly number[]): Tensor {
  return values instanceof Float64Array ? new Tensor("float64", values, dims) : new Tensor("float32", values, dims);
}

/** Of a row of [n, d] that begins at `start` with a vector [d], in float64. */
function dot(values: Reals, start: number, vector: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += (values[start + i] as number) * (vector[i] as number);
  return sum;
}
