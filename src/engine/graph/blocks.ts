/** All blocks of a model in one graph: what they share stands in it once, what is a block's own in the leaves of two trees. */
import type { BlockSpec, ModelSpec } from "../model-spec.ts";
import { attention } from "./attention.ts";
import { AFTER_ATTENTION, afterAttention, beforeAttention, editedIf, isSet, sharesNorm } from "./block.ts";
import { encodeModel, FLOAT, Graph, INT64, Names } from "./onnx.ts";
import { rotaryInputs } from "./rotary.ts";
import { chooseByLayer } from "./tree.ts";

/** Parts of a graph that are computed only where the input of their name is 1; `whole`: how the attention is, see there. */
export const BLOCK_FLAGS = ["norms", "edit_z", "edit_mlp_act", "heads", "whole"] as const;

/** Outputs, in order, with their shapes. What components give is taken after edits. */
export const BLOCK_OUTPUTS = [
  "resid_post", // [N, d]
  "attn_norm", // [N] norms of attn_out, mlp_out, resid_post
  "mlp_norm",
  "resid_norm",
  "attn_out", // [N, d]
  "mlp_out",
  "pattern", // [R, H, T, T], where the attention is computed as a whole
  "z", // [N, H · d_head]
  "mlp_act", // [N, d_mlp]
  "head_norm", // [K, H] norms of what each head wrote
  "head_product", // [K, H, m] what each head wrote, met with the directions
  "attn_product", // [K, m]
  "mlp_product",
] as const;
export type BlockOutput = (typeof BLOCK_OUTPUTS)[number];

/**
 * What a call of a block is fed with. R rows, T positions (right-padded), N live positions, K places that are looked
 * at more closely, m directions. Sites are affine: out ← scale · out + add; their dims may be 1. A call that changes
 * nothing feeds 1 and 0.
 */
function blockInputs(graph: Graph, spec: ModelSpec): void {
  graph.input("x", FLOAT, ["R", "T", spec.dModel]);
  graph.input("layer", INT64, []);
  for (const flag of BLOCK_FLAGS) graph.input(flag, INT64, []);
  // What the block's scores are multiplied with.
  graph.input("scale", FLOAT, []);
  rotaryInputs(graph, spec);
  // Places in the flattened [R·T] that are computed after the attention: padding and what nobody reads are left out.
  graph.input("live", INT64, ["N"]);
  // Places among the live ones, and what is multiplied with the components' outputs there.
  graph.input("taps", INT64, ["K"]);
  graph.input("directions", FLOAT, ["m", spec.dModel]);
  for (const part of ["scale", "add"]) {
    graph.input(`z_${part}`, FLOAT, [`N_z_${part}`, `H_z_${part}`, `D_z_${part}`]);
    graph.input(`attn_out_${part}`, FLOAT, [`N_attn_${part}`, `D_attn_${part}`]);
    graph.input(`mlp_act_${part}`, FLOAT, [`N_act_${part}`, `D_act_${part}`]);
    graph.input(`mlp_out_${part}`, FLOAT, [`N_mlp_${part}`, `D_mlp_${part}`]);
  }
}

/**
 * The ONNX model of all blocks, some tens of kilobytes; its weights stay in the safetensors files, half types too where
 * `keepsHalf`: they are cast in every call then.
 * Inputs: `blockInputs`; outputs: `BLOCK_OUTPUTS`, of the block that `layer` names.
 */
export function writeBlocks(spec: ModelSpec, keepsHalf = false): Uint8Array {
  const main = new Graph("blocks", new Names(keepsHalf));
  blockInputs(main, spec);
  const count = spec.blocks.length;
  const { heads, headDim } = (spec.blocks[0] as BlockSpec).attention;
  const stream = main.op("Reshape", ["x", main.int64([-1, spec.dModel])]);
  const before = chooseByLayer(main, "before", count, (graph, index) => beforeAttention(graph, spec, index, stream));
  const everywhere = attention(main, spec, before, "pattern");

  const live = (graph: Graph, value: string) => graph.op("Gather", [value, "live"], { axis: 0 }); // [R·T, ·] → [N, ·]
  const edit = (graph: Graph, value: string) => {
    const byHead = graph.op("Reshape", [value, graph.int64([-1, heads, headDim])]);
    const changed = graph.op("Add", [graph.op("Mul", [byHead, "z_scale"]), "z_add"]);
    return graph.op("Reshape", [changed, graph.int64([-1, heads * headDim])]);
  };
  const z = editedIf(main, "edit_z", (graph) => live(graph, everywhere), edit, "z");
  const attended = {
    resid: live(main, stream),
    z,
    taps: tapsByHead(main, z, heads, headDim),
    normed: sharesNorm(spec) ? live(main, before[3] as string) : null,
  };
  chooseByLayer(main, "after", count, (graph, index) => afterAttention(graph, spec, index, attended), AFTER_ATTENTION);
  norms(main);
  products(main);
  for (const name of BLOCK_OUTPUTS) main.output(name, FLOAT);
  return encodeModel(main);
}

/** z where heads are told apart, [H, K, d_head]. */
function tapsByHead(main: Graph, z: string, heads: number, headDim: number): string {
  const byHead = main.op("Reshape", [main.op("Gather", [z, "taps"], { axis: 0 }), main.int64([-1, heads, headDim])]);
  return main.op("Transpose", [byHead], { perm: [1, 0, 2] });
}

/** ‖value‖₂ per row, [N] each; empty unless asked for. */
function norms(main: Graph): void {
  const some = new Graph("norms_some", main.names);
  for (const value of ["attn_out", "mlp_out", "resid_post"])
    some.output(some.op("ReduceL2", [value], { axes: [1], keepdims: 0 }), FLOAT);
  either(main, "norms", ["attn_norm", "mlp_norm", "resid_norm"], some, [[0], [0], [0]]);
}

/** What each head wrote, as norms and as products with the directions; the components' products beside them. */
function products(main: Graph): void {
  const some = new Graph("products_some", main.names);
  const at = (value: string) => some.op("Gather", [value, "taps"], { axis: 0 });
  const directions = some.op("Transpose", ["directions"], { perm: [1, 0] }); // [d, m]
  const norm = some.op("ReduceL2", ["heads_out"], { axes: [2], keepdims: 0 }); // [H, K]
  some.output(some.op("Transpose", [norm], { perm: [1, 0] }), FLOAT);
  some.output(some.op("Transpose", [some.op("MatMul", ["heads_out", directions])], { perm: [1, 0, 2] }), FLOAT);
  for (const value of ["attn_out", "mlp_out"]) some.output(some.op("MatMul", [at(value), directions]), FLOAT);
  either(main, "heads", ["head_norm", "head_product", "attn_product", "mlp_product"], some, [
    [0, 0],
    [0, 0, 0],
    [0, 0],
    [0, 0],
  ]);
}

/** The values of `some` where the flag is 1, else empty ones of these shapes. */
function either(main: Graph, flag: string, names: readonly string[], some: Graph, shapes: readonly (readonly number[])[]): void {
  const none = new Graph(`${flag}_none`, main.names);
  for (const shape of shapes) none.output(none.op("ConstantOfShape", [none.int64(shape)]), FLOAT);
  main.ops("If", [isSet(main, flag)], names, { then_branch: some, else_branch: none });
}
