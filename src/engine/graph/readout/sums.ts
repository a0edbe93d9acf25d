/** Sums over the vocabulary that lose nothing: in short blocks by the device, and of the blocks in float64 by whoever reads them. */
import type { Graph } from "../onnx.ts";

/**
 * Values that one float32 sum takes. A running sum over a whole vocabulary of 262 144 adds small terms to a large one and
 * loses up to 1e-4 of it; 64 values, 16 lanes wide, are seven roundings. 256 bytes: onnxruntime begins a sum with what
 * stands before the next aligned address, so every block begins at one.
 */
const BLOCK = 64;

/** A row of the vocabulary as it is summed. */
export interface BlockedWidth {
  /** Values of a row, filled up. */
  readonly width: number;
  /** Partial sums of a row. */
  readonly blocks: number;
  readonly block: number;
}

/**
 * Filled up where the vocabulary is no multiple of a block, which is a copy of all logits. Shorter blocks would fit more
 * vocabularies, but WebGPU sums those of 16 in an order that depends on how many there are.
 */
export function blockedWidth(vocabSize: number): BlockedWidth {
  const blocks = Math.ceil(vocabSize / BLOCK);
  return { width: blocks * BLOCK, blocks, block: BLOCK };
}

/** [n, V] → [n, width], with `value` behind each row. */
export function filled(graph: Graph, rows: string, vocabSize: number, value: number): string {
  const { width } = blockedWidth(vocabSize);
  if (width === vocabSize) return rows;
  return graph.op("Pad", [rows, graph.int64([0, 0, 0, width - vocabSize]), graph.float32(value)]);
}

/** Partial sums of every row, [n, width] → [n, blocks]. */
export function blockSums(graph: Graph, rows: string, vocabSize: number): string {
  const { blocks, block } = blockedWidth(vocabSize);
  const apart = graph.op("Reshape", [rows, graph.int64([-1, blocks, block])]);
  return graph.op("ReduceSum", [apart, graph.int64([2])], { keepdims: 0 });
}
