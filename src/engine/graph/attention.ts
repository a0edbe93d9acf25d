/** Attention of one block, for R right-padded rows of T positions; H heads of d_head. */
import type { AttentionSpec } from "../model-spec.ts";
import { linear } from "./layers.ts";
import type { Graph } from "./onnx.ts";

export interface AttentionValues {
  /** Heads' outputs before the output projection, [R·T, H·d_head]. */
  readonly z: string;
  /** Attention weights after the softmax, [R, H, T, T]. */
  readonly pattern: string;
}

/**
 * Queries, keys and values of all positions, scores, softmax, heads' outputs.
 * `h`: the normed stream, [R·T, d]; reads `x` [R, T, d] for its sizes and `mask` [T, T], 0 or a very low number.
 * Composed from plain operators: bit for bit independent of padding and batch, and the pattern is at hand.
 */
export function attention(graph: Graph, spec: AttentionSpec, h: string): AttentionValues {
  const { heads, kvHeads, headDim } = spec;
  const [q, k, v] = queriesKeysValues(graph, spec, h);
  const rows = graph.op("Shape", ["x"], { start: 0, end: 1 });
  const rowsAndPositions = graph.op("Shape", ["x"], { start: 0, end: 2 });
  const byHead = (value: string, count: number) =>
    graph.op("Reshape", [value, graph.op("Concat", [rowsAndPositions, graph.int64([count, headDim])], { axis: 0 })]);
  const turn = (value: string) => (spec.rotary ? rotate(graph, spec, value) : value);

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
  const apart = graph.op("Reshape", [fused, graph.int64([-1, heads, 3, headDim])]);
  const part = (index: number) => graph.op("Gather", [apart, graph.int64(index)], { axis: 2 });
  return [part(0), part(1), part(2)];
}

/** Rotary position embedding, half-split pairs, of a head's first `dims` dimensions. [R, T, H, d_head], same shape. */
function rotate(graph: Graph, spec: AttentionSpec, value: string): string {
  const { dims, inverseFrequencies } = spec.rotary as NonNullable<AttentionSpec["rotary"]>;
  const positions = graph.op("Shape", ["x"], { start: 1, end: 2 });
  // The kernels take whole registers, and what is left over one by one, with other last bits: nothing may be left over.
  const places = graph.op("Range", [graph.int64(0), graph.op("Squeeze", [roundedUp(graph, positions)]), graph.int64(1)]);
  const column = graph.op("Reshape", [graph.op("Cast", [places], { to: 1 }), graph.int64([-1, 1, 1])]);
  const angles = graph.op("Mul", [column, graph.float32(inverseFrequencies)]); // [≥ T, 1, dims/2]
  const used = (all: string) => graph.op("Slice", [all, graph.int64([0]), positions]);
  const cos = used(graph.op("Cos", [angles]));
  const sin = used(graph.op("Sin", [angles]));
  const rest = spec.headDim - dims;
  const parts = graph.ops("Split", [value, graph.int64(rest ? [dims / 2, dims / 2, rest] : [dims / 2, dims / 2])], rest ? 3 : 2, {
    axis: 3,
  });
  const [a, b] = parts as [string, string];
  const turnedA = graph.op("Sub", [graph.op("Mul", [a, cos]), graph.op("Mul", [b, sin])]);
  const turnedB = graph.op("Add", [graph.op("Mul", [b, cos]), graph.op("Mul", [a, sin])]);
  return graph.op("Concat", [turnedA, turnedB, ...parts.slice(2)], { axis: 3 });
}

/** The next multiple of the values that the widest vector register holds. [1] → [1] */
function roundedUp(graph: Graph, count: string): string {
  const width = graph.int64([16]);
  return graph.op("Mul", [graph.op("Div", [graph.op("Add", [count, graph.int64([15])]), width]), width]);
}
