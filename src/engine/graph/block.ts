/** One block as a leaf of the tree: a graph without inputs that reads the names of `blockInputs`. */
import type { BlockSpec, ModelSpec } from "../model-spec.ts";
import { attention } from "./attention.ts";
import { activate, linear, norm } from "./layers.ts";
import { FLOAT, Graph, INT64 } from "./onnx.ts";

/**
 * What a call of a block is fed with. R rows, T positions (right-padded), N live positions.
 * Sites are affine: out ← scale · out + add; their dims may be 1. A call that changes nothing feeds 1 and 0.
 */
export function blockInputs(graph: Graph, spec: ModelSpec): void {
  graph.input("x", FLOAT, ["R", "T", spec.dModel]);
  graph.input("layer", INT64, []);
  // 1: norms are computed; 0: they are empty.
  graph.input("norms", INT64, []);
  graph.input("mask", FLOAT, ["T", "T"]);
  // Places in the flattened [R·T] that are computed after the attention: padding and what nobody reads are left out.
  graph.input("live", INT64, ["N"]);
  for (const part of ["scale", "add"]) {
    graph.input(`z_${part}`, FLOAT, [`N_z_${part}`, `H_z_${part}`, `D_z_${part}`]);
    graph.input(`attn_out_${part}`, FLOAT, [`N_attn_${part}`, `D_attn_${part}`]);
    graph.input(`mlp_out_${part}`, FLOAT, [`N_mlp_${part}`, `D_mlp_${part}`]);
  }
}

/** Outputs of every leaf, in order, with their shapes. */
export const BLOCK_OUTPUTS = [
  "resid_post", // [N, d]
  "attn_norm", // [N] norms of attn_out, mlp_out, resid_post, taken after scaling
  "mlp_norm",
  "resid_norm",
  "attn_out", // [N, d]
  "mlp_out",
  "pattern", // [R, H, T, T]
] as const;
export type BlockOutput = (typeof BLOCK_OUTPUTS)[number];

/** The branch that computes one block. Cost per row: 24·T·d² FLOPs for GPT-2's shape, attention apart. */
export function blockLeaf(main: Graph, spec: ModelSpec, index: number): Graph {
  const block = spec.blocks[index] as BlockSpec;
  const graph = new Graph(`block_${index}`, main.names);
  const { heads, headDim } = block.attention;

  const flat = graph.op("Reshape", ["x", graph.int64([-1, spec.dModel])]);
  const normed = norm(graph, block.attnNorm, flat);
  const { z, pattern } = attention(graph, block.attention, normed);

  const live = (value: string) => graph.op("Gather", [value, "live"], { axis: 0 }); // [R·T, ·] → [N, ·]
  const resid = live(flat);
  const zByHead = graph.op("Reshape", [live(z), graph.int64([-1, heads, headDim])]);
  const zSited = graph.op("Reshape", [site(graph, "z", zByHead), graph.int64([-1, heads * headDim])]);
  const attnOut = site(graph, "attn_out", linear(graph, block.attention.out, zSited));
  const middle = graph.op("Add", [resid, attnOut]);

  const mlpInput = block.parallel ? (block.mlpNorm ? norm(graph, block.mlpNorm, resid) : live(normed)) : middle;
  const mlpNormed = !block.parallel && block.mlpNorm ? norm(graph, block.mlpNorm, mlpInput) : mlpInput;
  const mlpOut = site(graph, "mlp_out", mlp(graph, block, mlpNormed));
  const residPost = graph.op("Add", [middle, mlpOut]);

  const norms = normsOf(graph, [attnOut, mlpOut, residPost]);
  for (const value of [residPost, ...norms, attnOut, mlpOut, pattern]) graph.output(value, FLOAT);
  return graph;
}

/** ‖value‖₂ per row, [N] each; empty unless asked for. */
function normsOf(parent: Graph, values: readonly string[]): readonly string[] {
  const some = new Graph(`${parent.name}_norms`, parent.names);
  for (const value of values) some.output(some.op("ReduceL2", [value], { axes: [1], keepdims: 0 }), FLOAT);
  const none = new Graph(`${parent.name}_no_norms`, parent.names);
  for (const _ of values) none.output(none.op("ConstantOfShape", [none.int64([0])]), FLOAT);
  const wanted = parent.op("Less", [parent.int64(0), "norms"]);
  return parent.ops("If", [wanted], values.length, { then_branch: some, else_branch: none });
}

function site(graph: Graph, name: "z" | "attn_out" | "mlp_out", value: string): string {
  return graph.op("Add", [graph.op("Mul", [value, `${name}_scale`]), `${name}_add`]);
}

function mlp(graph: Graph, block: BlockSpec, x: string): string {
  const spec = block.mlp;
  if (spec.kind === "plain") {
    return linear(graph, spec.down, activate(graph, spec.activation, linear(graph, spec.up, x)));
  }
  const gate = activate(graph, spec.activation, linear(graph, spec.gate, x));
  return linear(graph, spec.down, graph.op("Mul", [gate, linear(graph, spec.up, x)]));
}
