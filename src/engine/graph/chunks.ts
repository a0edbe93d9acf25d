/** Half-type weights that are cast in every call: how much of a matrix is float32 at a time. */
import type { LinearSpec } from "../model-spec.ts";
import type { Graph, Rows } from "./onnx.ts";

/** As float32. What the cast writes, the product reads from the cache (measured: docs/decisions/half-precision.md). */
export const CHUNK_BYTES = 8 * 2 ** 20;

/**
 * The outputs of a linear map that are computed at a time: [undefined], all at once, where nothing is cast. Rows of a
 * matrix stored [out, in] lie together in the file; one stored [in, out] is cast whole.
 */
export function castChunks(graph: Graph, { weight, layout, inFeatures, outFeatures }: LinearSpec): readonly (Rows | undefined)[] {
  if (!graph.names.keepsHalf || weight.type === "F32" || layout === "in_out") return [undefined];
  const size = rowsPerChunk(inFeatures, outFeatures);
  if (size === outFeatures) return [undefined];
  const count = Math.ceil(outFeatures / size);
  return Array.from({ length: count }, (_, i) => ({ from: i * size, to: Math.min((i + 1) * size, outFeatures) }));
}

/** Even parts of at most `CHUNK_BYTES`, in whole lines of the kernels' 16 columns. */
function rowsPerChunk(inFeatures: number, outFeatures: number): number {
  const most = Math.max(16, Math.floor(CHUNK_BYTES / (4 * inFeatures)));
  const even = Math.ceil(outFeatures / Math.ceil(outFeatures / most));
  return Math.min(outFeatures, Math.ceil(even / 16) * 16);
}
