/** What a census needs of the whole unembed, walked through in float64 piece by piece. */
import type { TensorFiles } from "../checkpoint/rows.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { CensusJob } from "../protocol.ts";

/** Numbers that are read between two pauses. */
export const PIECE_ELEMENTS = 2 ** 21;

/** Sums of rows as the file has them, [d] each. */
export interface RowSums {
  /** Over all rows, padding included. */
  readonly all: Float64Array;
  /** Over ids that are tokens. */
  readonly tokens: Float64Array;
}

/** W̃_v: a row of the unembed, raw or folded. */
export interface UnembedTable {
  /** [V] 1 / ‖W̃_v‖₂; 0 of a row of zeros. */
  readonly scale: Float32Array | Float64Array;
  /** [d] what is taken from a row as the file has it before it is met with a neuron's `along`: its mean over v; raw: zeros. */
  readonly centre: Float64Array;
  /** Means over v of scale_v W_U[v], [d], and of scale_v. */
  readonly scaledRow: Float64Array;
  readonly meanScale: number;
}

/** Pauses between pieces. */
export function* sumRows(spec: ModelSpec, files: TensorFiles): Generator<void, RowSums> {
  const { dModel: d, tokenCount } = spec;
  const all = new Float64Array(d);
  const tokens = new Float64Array(d);
  for (const { first, rows } of pieces(spec, files)) {
    for (let at = 0, row = first; at < rows.length; at += d, row++) {
      const sum = row < tokenCount ? tokens : all;
      for (let i = 0; i < d; i++) sum[i] = (sum[i] as number) + (rows[at + i] as number);
    }
    yield;
  }
  for (let i = 0; i < d; i++) all[i] = (all[i] as number) + (tokens[i] as number);
  return { all, tokens };
}

/** Folded: γ_f ⊙ W_U[v], centred over v and, where the final norm takes the mean away, over d_model. Pauses between pieces. */
export function* unembedTable(
  spec: ModelSpec,
  files: TensorFiles,
  weights: CensusJob["weights"],
  sums: RowSums,
  inDouble: boolean,
): Generator<void, UnembedTable> {
  const { dModel: d, vocabSize: V, finalNorm } = spec;
  const isFolded = weights === "folded";
  const centre = isFolded ? sums.all.map((sum) => sum / V) : new Float64Array(d);
  const gamma = isFolded ? files.readTensor(finalNorm.weight) : new Float32Array(d).fill(1);
  const centres = isFolded && finalNorm.kind === "layer";
  const scale = inDouble ? new Float64Array(V) : new Float32Array(V);
  const scaledRow = new Float64Array(d);
  let meanScale = 0;
  for (const { first, rows } of pieces(spec, files)) {
    for (let at = 0, row = first; at < rows.length; at += d, row++) {
      let sum = 0;
      let square = 0;
      for (let i = 0; i < d; i++) {
        const value = (gamma[i] as number) * ((rows[at + i] as number) - (centre[i] as number));
        sum += value;
        square += value * value;
      }
      if (centres) square -= (sum * sum) / d;
      if (!(square > 0)) continue;
      scale[row] = 1 / Math.sqrt(square);
      const weight = (scale[row] as number) / V;
      meanScale += weight;
      for (let i = 0; i < d; i++) scaledRow[i] = (scaledRow[i] as number) + weight * (rows[at + i] as number);
    }
    yield;
  }
  return { scale, centre, scaledRow, meanScale };
}

function* pieces(
  { dModel, vocabSize, unembed }: ModelSpec,
  files: TensorFiles,
): Generator<{ readonly first: number; readonly rows: Float32Array }> {
  const most = Math.max(1, Math.floor(PIECE_ELEMENTS / dModel));
  for (let first = 0; first < vocabSize; first += most) {
    const count = Math.min(most, vocabSize - first);
    const ids = Array.from({ length: count }, (_, i) => first + i);
    yield { first, rows: files.readRows(unembed.weight, ids) };
  }
}
