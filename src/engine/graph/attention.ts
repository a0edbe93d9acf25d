/**
 * Attention, for R right-padded rows of T positions; H heads of d_head, H/KV of them share keys and values. It has no
 * weights, so it stands once in the graph and serves every block; what differs between them is fed.
 */
import type { AttentionSpec, ModelSpec } from "../model-spec.ts";
import { BOOL, FLOAT, Graph, INT64 } from "./onnx.ts";
import { rotaryOf, rotate } from "./rotary.ts";

/** Queries that meet their keys at a time, where no patterns are asked for: their scores stay in the cache (measured: 32 to 128 alike). */
export const QUERY_BLOCK = 64;

/** Low enough that the softmax gives zero, far enough from overflow when scores are added. */
const MASKED = -1e30;

type Shape = Pick<AttentionSpec, "heads" | "kvHeads" | "headDim">;

/** Queries, keys and values laid out for products, and T as a scalar. */
interface Laid {
  /** [R, T, H, d_head], scaled. */
  readonly queries: string;
  /** Across: [R, KV, d_head, T]. */
  readonly keys: string;
  /** [R, KV, T, d_head] */
  readonly values: string;
  readonly length: string;
}

/**
 * Heads' outputs before the output projection, [R·T, H·d_head], of q [R·T, H·d_head], k and v [R·T, KV·d_head]; attention weights
 * [R, H, T, T] as `pattern`. Reads the inputs `x` [R, T, d] for its sizes, `scale`, rotary tables, and `whole`: 1 computes all scores at once, as patterns need them; 0 takes `QUERY_BLOCK` queries after
 * the other with the keys up to theirs, so that nothing of [T, T] is held. Both give the same bits: masked scores vanish
 * from the softmax, and sums over keys run in one order. For the same reason a row's numbers do not depend on padding.
 */
export function attention(main: Graph, spec: ModelSpec, [q, k, v]: readonly string[], pattern: string): string {
  const shape = spec.blocks[0]?.attention as AttentionSpec;
  const { heads, kvHeads, headDim } = shape;
  const rowsAndPositions = main.op("Shape", ["x"], { start: 0, end: 2 });
  const byHead = (value: string, count: number) =>
    main.op("Reshape", [value, main.op("Concat", [rowsAndPositions, main.int64([count, headDim])], { axis: 0 })]);
  const rotary = rotaryOf(spec);
  const turned = (value: string) => (rotary ? rotate(main, rotary, headDim, value) : value);
  const laid: Laid = {
    queries: main.op("Mul", [turned(byHead(q as string, heads)), "scale"]),
    keys: main.op("Transpose", [turned(byHead(k as string, kvHeads))], { perm: [0, 2, 3, 1] }),
    values: main.op("Transpose", [byHead(v as string, kvHeads)], { perm: [0, 2, 1, 3] }),
    length: main.op("Squeeze", [main.op("Shape", ["x"], { start: 1, end: 2 }), main.int64([0])]),
  };
  const z = main.names.fresh("heads");
  main.ops("If", [main.op("Less", [main.int64(0), "whole"])], [z, pattern], {
    then_branch: atOnce(main, shape, laid),
    else_branch: inBlocks(main, shape, laid),
  });
  return z;
}

/** All queries at once. */
function atOnce(main: Graph, shape: Shape, { queries, keys, values, length }: Laid): Graph {
  const graph = new Graph("attention_at_once", main.names);
  const positions = graph.op("Range", [graph.int64(0), length, graph.int64(1)]);
  const { z, pattern } = attend(graph, shape, { queries, keys, values, positions });
  graph.output(graph.op("Reshape", [z, graph.int64([-1, shape.heads * shape.headDim])]), FLOAT);
  graph.output(pattern, FLOAT);
  return graph;
}

/** Block after block of queries; the last is filled up with the last position's. */
function inBlocks(main: Graph, shape: Shape, { queries, keys, values, length }: Laid): Graph {
  const { heads, headDim } = shape;
  const graph = new Graph("attention_in_blocks", main.names);
  const filled = graph.op("Add", [length, graph.int64(QUERY_BLOCK - 1)]);
  const count = graph.op("Div", [filled, graph.int64(QUERY_BLOCK)]);
  const last = graph.op("Sub", [length, graph.int64(1)]);

  const body = new Graph("attention_block", main.names);
  const index = body.input(main.names.fresh("index"), INT64, []);
  const goesOn = body.input(main.names.fresh("goes_on"), BOOL, []);
  const first = body.op("Mul", [index, body.int64(QUERY_BLOCK)]);
  const offsets = body.int64(Array.from({ length: QUERY_BLOCK }, (_, offset) => offset));
  const positions = body.op("Min", [body.op("Add", [first, offsets]), last]); // [B]
  const end = body.op("Min", [body.op("Add", [first, body.int64([QUERY_BLOCK])]), length]); // [1]
  const upTo = (value: string, axis: number) => body.op("Slice", [value, body.int64([0]), end, body.int64([axis])]);
  const { z } = attend(body, shape, {
    queries: body.op("Gather", [queries, positions], { axis: 1 }),
    keys: upTo(keys, 3),
    values: upTo(values, 2),
    positions,
  });
  body.output(body.op("Identity", [goesOn]), BOOL);
  body.output(z, FLOAT);

  const blocks = graph.op("Loop", [count, ""], { body }); // [n, R, B, H, d_head]
  const byRow = graph.op("Transpose", [blocks], { perm: [1, 0, 2, 3, 4] });
  const rows = graph.op("Shape", ["x"], { start: 0, end: 1 });
  const behind = graph.op("Reshape", [byRow, graph.op("Concat", [rows, graph.int64([-1, heads * headDim])], { axis: 0 })]);
  const end1 = graph.op("Unsqueeze", [length, graph.int64([0])]);
  const there = graph.op("Slice", [behind, graph.int64([0]), end1, graph.int64([1])]);
  graph.output(graph.op("Reshape", [there, graph.int64([-1, heads * headDim])]), FLOAT);
  graph.output(graph.op("ConstantOfShape", [graph.int64([0, 0, 0, 0])]), FLOAT);
  return graph;
}

interface Queries extends Pick<Laid, "keys" | "values"> {
  /** [R, b, H, d_head] */
  readonly queries: string;
  /** Their places in the prompt, [b] int64. */
  readonly positions: string;
}

/** Some queries and the first e keys: z [R, b, H, d_head], pattern [R, H, b, e]. */
function attend(
  graph: Graph,
  { heads, kvHeads, headDim }: Shape,
  { queries, keys, values, positions }: Queries,
): { z: string; pattern: string } {
  const byHead = graph.op("Transpose", [queries], { perm: [0, 2, 1, 3] });
  const b = graph.op("Shape", [positions]);
  const e = graph.op("Shape", [keys], { start: 3, end: 4 });
  const sized = (value: string, ...sizes: readonly (number | string)[]) => {
    const parts = sizes.map((size) => (typeof size === "number" ? graph.int64([size]) : size));
    return graph.op("Reshape", [value, graph.op("Concat", parts, { axis: 0 })]);
  };
  // Grouped queries: the H/KV heads that share keys stand as more query rows of the same matrix product.
  const isGrouped = heads !== kvHeads;
  const scores = graph.op("MatMul", [
    isGrouped ? sized(byHead, -1, kvHeads, grouped(graph, b, heads / kvHeads), headDim) : byHead,
    keys,
  ]);
  const masked = graph.op("Add", [isGrouped ? sized(scores, -1, heads, b, e) : scores, causalMask(graph, positions, e)]);
  const pattern = graph.op("Softmax", [masked], { axis: -1 });
  const weights = isGrouped ? sized(pattern, -1, kvHeads, grouped(graph, b, heads / kvHeads), e) : pattern;
  const mixed = graph.op("MatMul", [weights, values]);
  const z = graph.op("Transpose", [isGrouped ? sized(mixed, -1, heads, b, headDim) : mixed], { perm: [0, 2, 1, 3] });
  return { z, pattern };
}

/** How many query rows a group has, [1]. */
function grouped(graph: Graph, queries: string, heads: number): string {
  return graph.op("Mul", [queries, graph.int64([heads])]);
}

/** [b, e]: 0 where a key stands at the query's position or before it, else a very low number. */
function causalMask(graph: Graph, positions: string, e: string): string {
  const keys = graph.op("Range", [graph.int64(0), graph.op("Squeeze", [e, graph.int64([0])]), graph.int64(1)]);
  const isHidden = graph.op("Less", [graph.op("Unsqueeze", [positions, graph.int64([1])]), keys]);
  return graph.op("Where", [isHidden, graph.float32(MASKED), graph.float32(0)]);
}
