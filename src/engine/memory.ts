/** What a model will hold, reckoned from its tensors before anything of it is loaded. */
import { Problem } from "../problem.ts";
import { READOUT_CHUNK } from "./backend/backend.ts";
import { countsInDouble, NEURONS_A_CALL, ROWS_A_CALL } from "./census/layer-census.ts";
import { PIECE_ELEMENTS } from "./census/unembed-table.ts";
import { type Device, isGpu } from "./devices/device.ts";
import { QUERY_BLOCK } from "./graph/attention.ts";
import { CHUNK_BYTES } from "./graph/chunks.ts";
import type { LinearSpec, ModelSpec, TensorRef } from "./model-spec.ts";
import type { HalfHeld, HalfMode, WeightMode } from "./session.ts";
import { TOKEN_BUDGET } from "./wavefront/wavefront.ts";

export interface MemoryEstimate {
  /** Of tensors that a graph uses: mapped, or private copies. Embeddings are read row by row, and held only as an unembed. */
  readonly weightBytes: number;
  /**
   * What one call of a block, one of the read-out and one of a census need at a time, at the size where they are cut. A
   * prompt is never cut: what a longer one needs is its run's, which is refused where that does not fit (`runs/cost.ts`).
   */
  readonly bufferBytes: number;
}

/** How a model is to be loaded. */
export interface LoadPlan extends MemoryEstimate {
  readonly weights: WeightMode;
  readonly half: HalfHeld;
}

/** [n, V] arrays that are alive at once in the read-out: logits, those relative to the peak, weights, products, comparisons. */
const READOUT_ARRAYS = 6;
/** [N, d] arrays alive at once in a block, beside those of its MLP and heads. */
const STREAM_ARRAYS = 8;
const MLP_ARRAYS = 4;
/** [R, H, 64, T] arrays: a block of queries' scores and weights. */
const SCORE_ARRAYS = 2;
/** [rows, neurons] arrays alive at once in a census: cosines, their powers. */
const CENSUS_ARRAYS = 4;
/** One cast is read while the next is written. */
const CASTS_AT_ONCE = 2;

/**
 * Chooses how half types are held. `auto`: folded where the model then fits `memoryBytes` and copies are wanted at all
 * (`packed`), kept otherwise. Throws `model_too_large`, with both numbers, where what is chosen does not fit.
 */
export function planLoad(
  id: string,
  spec: ModelSpec,
  given: { device?: Device; weights: WeightMode; halfPrecision: HalfMode; memoryBytes: number },
): LoadPlan {
  const { memoryBytes } = given;
  // A GPU holds copies of its own, and has no kernels for casts from bfloat16.
  const { weights, halfPrecision } = isGpu(given.device) ? ({ weights: "packed", halfPrecision: "fold" } as const) : given;
  const hasHalf = graphTensors(spec).some(({ type }) => type !== "F32");
  const plan = (half: HalfHeld): LoadPlan => {
    // With half types kept, nothing is packed: there is no float32 matrix to reorder.
    const held = { weights: half === "kept" ? ("mapped" as const) : weights, half };
    return { ...held, ...estimateMemory(spec, held) };
  };
  const fits = ({ weightBytes, bufferBytes }: MemoryEstimate) => weightBytes + bufferBytes <= memoryBytes;
  let chosen: LoadPlan;
  if (!hasHalf) chosen = plan(null);
  else if (halfPrecision !== "auto") chosen = plan(halfPrecision === "keep" ? "kept" : "folded");
  else chosen = weights === "packed" && fits(plan("folded")) ? plan("folded") : plan("kept");
  if (fits(chosen)) return chosen;
  const { weightBytes, bufferBytes } = chosen;
  throw new Problem(
    "model_too_large",
    `The model ${id} needs ${weightBytes + bufferBytes} bytes of memory (${weightBytes} for its weights${heldAs(chosen.half)}, ${bufferBytes} for a call's buffers); MODEL_MEMORY_BYTES allows ${memoryBytes}.`,
  );
}

/** Bytes of weights held, and of the buffers of calls. */
export function estimateMemory(spec: ModelSpec, { weights, half }: Pick<LoadPlan, "weights" | "half">): MemoryEstimate {
  const tensors = graphTensors(spec);
  // Folded casts stay beside what is packed from them (measured); a file's pages beside a packed copy can be taken back.
  const copies = weights === "packed" ? 2 : 1;
  const bytes = ({ type, length }: TensorRef) => (type === "F32" || half === "kept" ? length : 2 * length * copies);
  const { dModel, dMlp, vocabSize, contextLength, blocks } = spec;
  const positions = Math.min(TOKEN_BUDGET, contextLength);
  const heads = Math.max(...blocks.map(({ attention }) => (attention.heads + 2 * attention.kvHeads) * attention.headDim));
  const scores = SCORE_ARRAYS * QUERY_BLOCK * Math.max(...blocks.map(({ attention }) => attention.heads));
  const block = positions * (STREAM_ARRAYS * dModel + MLP_ARRAYS * dMlp + 2 * heads + scores) * 4;
  const readout = READOUT_CHUNK * vocabSize * READOUT_ARRAYS * 4;
  const cast = half === "kept" ? CASTS_AT_ONCE * largestCast(spec) : 0;
  return {
    weightBytes: tensors.reduce((sum, tensor) => sum + bytes(tensor), 0),
    bufferBytes: block + readout + cast + census(spec),
  };
}

/** What a census holds: rows and neurons of a call, what is made of them, the vocabulary's table, and what is read for it. */
function census(spec: ModelSpec): number {
  const { dModel: d, dMlp, vocabSize: V } = spec;
  const n = Math.min(NEURONS_A_CALL, dMlp);
  const rows = Math.min(ROWS_A_CALL, V);
  const call = 2 * rows * d + n * d + CENSUS_ARRAYS * rows * n + V;
  return call * (countsInDouble(spec) ? 8 : 4) + Math.min(PIECE_ELEMENTS, V * d) * 4;
}

function heldAs(half: HalfHeld): string {
  if (half === null) return "";
  return half === "kept" ? ", half types kept" : " as float32; HALF_PRECISION=keep needs less";
}

/** Every tensor that is an initializer of a graph, each once. */
function graphTensors(spec: ModelSpec): TensorRef[] {
  const found = new Set<TensorRef>();
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    if ("offset" in part && "file" in part) found.add(part as TensorRef);
    else for (const value of Object.values(part)) visit(value);
  };
  visit([spec.blocks, spec.finalNorm, spec.unembed]);
  return [...found];
}

/** The most bytes of one matrix that are float32 at a time: a chunk, or all where it is not cut (see `castChunks`). */
function largestCast({ blocks, unembed }: ModelSpec): number {
  const whole = ({ weight, inFeatures, outFeatures }: LinearSpec) => (weight.type === "F32" ? 0 : 4 * inFeatures * outFeatures);
  const chunked = (linear: LinearSpec) => (linear.layout === "out_in" ? Math.min(CHUNK_BYTES, whole(linear)) : whole(linear));
  return Math.max(
    chunked(unembed),
    ...blocks.flatMap(({ attention: { qkv, out }, mlp }) => [
      whole(out),
      ...(qkv.kind === "fused" ? [qkv.linear] : [qkv.q, qkv.k, qkv.v]).map(chunked),
      ...(mlp.kind === "gated" ? [mlp.gate, mlp.up, mlp.down] : [mlp.up, mlp.down]).map(chunked),
    ]),
  );
}
