/** ‖row‖₂ for every row of [n, width], summed in float64. */
export function rowNorms(values: Float32Array, width: number): Float32Array {
  const norms = new Float32Array(values.length / width);
  for (let row = 0; row < norms.length; row++) {
    let sum = 0;
    for (let i = row * width; i < (row + 1) * width; i++) sum += (values[i] as number) ** 2;
    norms[row] = Math.sqrt(sum);
  }
  return norms;
}

/** The element-wise mean of arrays of one length, summed in order in float64. */
export function meanOf(arrays: readonly Float32Array[]): Float32Array {
  const first = arrays[0] as Float32Array;
  if (arrays.length === 1) return first;
  const mean = new Float32Array(first.length);
  for (let i = 0; i < mean.length; i++) {
    let sum = 0;
    for (const array of arrays) sum += array[i] as number;
    mean[i] = sum / arrays.length;
  }
  return mean;
}

/**
 * 1/σ of every row of [n, d], in float64: LayerNorm's σ = sqrt(Var x + ε) (population variance), RMSNorm's
 * rms = sqrt(mean x² + ε). What the frozen-norm lens divides by (TransformerLens 1.18's final scale).
 */
export function inverseScales(values: Float32Array, d: number, kind: "layer" | "rms", epsilon: number): Float32Array {
  const scales = new Float32Array(values.length / d);
  for (let row = 0; row < scales.length; row++) {
    let mean = 0;
    if (kind === "layer") {
      for (let i = row * d; i < (row + 1) * d; i++) mean += values[i] as number;
      mean /= d;
    }
    let square = 0;
    for (let i = row * d; i < (row + 1) * d; i++) square += ((values[i] as number) - mean) ** 2;
    scales[row] = 1 / Math.sqrt(square / d + epsilon);
  }
  return scales;
}

/** Chosen rows of [n, width], in the order given. */
export function takeRows(values: Float32Array, width: number, rows: readonly number[]): Float32Array {
  const taken = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) taken.set(values.subarray(row * width, (row + 1) * width), index * width);
  return taken;
}
