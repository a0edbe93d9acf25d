/** What neurons of a layer write to the stream, w_out: columns or rows of the MLP's output projection. */
import type { TensorFiles } from "../checkpoint/rows.ts";
import type { BlockSpec, ModelSpec } from "../model-spec.ts";
import type { CensusJob } from "../protocol.ts";

export interface Neurons {
  /**
   * [n, d] such that W_U[v] · along_j is w_out_j's product with the (folded) unembed, up to its centring over the
   * vocabulary: w_out / ‖w_out‖, folded γ_f ⊙ of it. Of a neuron that writes nothing: zeros.
   */
  readonly along: Float64Array;
  /** [n] ‖w_out‖₂, folded of the centred one where the final norm takes the mean away. */
  readonly norms: Float64Array;
}

/** Neurons `first` … `first + count` − 1 of a layer, read from the checkpoint's files. */
export function readNeurons(
  files: TensorFiles,
  spec: ModelSpec,
  { layer, weights }: Pick<CensusJob, "layer" | "weights">,
  first: number,
  count: number,
): Neurons {
  const { dModel: d, finalNorm } = spec;
  const { down } = (spec.blocks[layer] as BlockSpec).mlp;
  const byNeuron = down.layout === "in_out";
  const ids = () => Array.from({ length: count }, (_, i) => first + i);
  const values = byNeuron ? files.readRows(down.weight, ids()) : files.readColumns(down.weight, first, count);
  const [neuronStride, stride] = byNeuron ? [d, 1] : [1, count];
  const gamma = weights === "folded" ? files.readTensor(finalNorm.weight) : null;
  const centres = weights === "folded" && finalNorm.kind === "layer";
  const along = new Float64Array(count * d);
  const norms = new Float64Array(count);
  for (let neuron = 0; neuron < count; neuron++) {
    const start = neuron * neuronStride;
    let mean = 0;
    if (centres) for (let i = 0; i < d; i++) mean += (values[start + i * stride] as number) / d;
    let square = 0;
    for (let i = 0; i < d; i++) square += ((values[start + i * stride] as number) - mean) ** 2;
    const norm = Math.sqrt(square);
    norms[neuron] = norm;
    if (norm === 0) continue;
    for (let i = 0; i < d; i++)
      along[neuron * d + i] = (((values[start + i * stride] as number) - mean) / norm) * (gamma ? (gamma[i] as number) : 1);
  }
  return { along, norms };
}
