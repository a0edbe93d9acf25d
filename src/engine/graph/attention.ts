/** Attention of one block, for R right-padded rows of T positions; H heads of d_head. */
import type { AttentionSpec } from "../model-spec.ts";
import { linear } from "./layers.ts";
import type { Graph } from "./onnx.ts";
import { type RotaryNames, rotate } from "./rotary.ts";

export interface AttentionValues {
  /** Heads' outputs before the output projection, [R·T, H·d_head]. */
  readonly z: string;
  /** Attention weights after the softmax, [R, H, T, T]. */
  readonly pattern: string;
}

/**
 * Queries, keys and values of all positions, scores, softmax, heads' outputs.
 * `tables`: cosines and sines, where the model is rotary. `h`: the normed stream, [R·T, d]; reads `x` [R, T, d] for its sizes and `mask` [T, T], 0 or a very low number.
 * Composed from plain operators: bit for bit independent of padding and batch, and the pattern is at hand.
 */
export function attention(graph: Graph, spec: AttentionSpec, h: string, tables: RotaryNames | null): AttentionValues {
  const { heads, kvHeads, headDim, rotary } = spec;
  const [q, k, v] = queriesKeysValues(graph, spec, h);
  const rows = graph.op("Shape", ["x"], { start: 0, end: 1 });
  const rowsAndPositions = graph.op("Shape", ["x"], { start: 0, end: 2 });
  const byHead = (value: string, count: number) =>
    graph.op("Reshape", [value, graph.op("Concat", [rowsAndPositions, graph.int64([count, headDim])], { axis: 0 })]);
  const turn = (value: string) => (rotary && tables ? rotate(graph, rotary, headDim, tables, value) : value);

  // [R, T, H, d_head] → [R, H, T, d_head]; keys lie across: [R, KV, d_head, T]
  const queries = graph.op("Transpose", [turn(byHead(q, heads))], { perm: [0, 2, 1, 3] });
  const keys = graph.op("Transpose", [turn(byHead(k, kvHeads))], { perm: [0, 2, 3, 1] });
  const values = graph.op("Transpose", [byHead(v, kvHeads)], { perm: [0, 2, 1, 3] });
  const scaled = graph.op("Mul", [queries, graph.float32(spec.scale)]);

  // Grouped queries: the H/KV heads that share keys stand as more query rows of the same matrix product.
  const group = heads / kvHeads;
  const grouped = (value: string) =>
    group === 1
      ? value
      : graph.op("Reshape", [value, graph.op("Concat", [rows, graph.int64([kvHeads, -1, headDim])], { axis: 0 })]);
  const positions = graph.op("Shape", ["x"], { start: 1, end: 2 });
  const square = () => graph.op("Concat", [rows, graph.int64([heads]), positions, positions], { axis: 0 });
  const flat = graph.op("MatMul", [grouped(scaled), keys]);
  const scores = group === 1 ? flat : graph.op("Reshape", [flat, square()]);
  const pattern = graph.op("Softmax", [graph.op("Add", [scores, "mask"])], { axis: -1 });

  const weights =
    group === 1
      ? pattern
      : graph.op("Reshape", [pattern, graph.op("Concat", [rows, graph.int64([kvHeads, -1]), positions], { axis: 0 })]);
  const mixed = graph.op("MatMul", [weights, values]);
  const z4 =
    group === 1
      ? mixed
      : graph.op("Reshape", [mixed, graph.op("Concat", [rows, graph.int64([heads, -1, headDim])], { axis: 0 })]);
  const z = graph.op("Reshape", [graph.op("Transpose", [z4], { perm: [0, 2, 1, 3] }), graph.int64([-1, heads * headDim])]);
  return { z, pattern };
}

/** Three values [R·T, heads · d_head]. */
function queriesKeysValues(graph: Graph, spec: AttentionSpec, h: string): readonly [string, string, string] {
  const { qkv, heads, kvHeads, headDim } = spec;
  if (qkv.kind === "split") {
    return [linear(graph, qkv.q, h), linear(graph, qkv.k, h), linear(graph, qkv.v, h)];
  }
  const fused = linear(graph, qkv.linear, h);
  if (qkv.order === "parts") {
    const sizes = graph.int64([heads * headDim, kvHeads * headDim, kvHeads * headDim]);
    const [q, k, v] = graph.ops("Split", [fused, sizes], 3, { axis: 1 });
    return [q as string, k as string, v as string];
  }
  // (head, q|k|v, d_head)
  const byHead = graph.op("Reshape", [fused, graph.int64([-1, heads, 3 * headDim])]);
  const [q, k, v] = graph.ops("Split", [byHead, graph.int64([headDim, headDim, headDim])], 3, { axis: 2 });
  return [q as string, k as string, v as string];
}
