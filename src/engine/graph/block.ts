/** One block as a leaf of the tree: a graph without inputs that reads the names of `blockInputs`. */
import type { BlockSpec, LinearSpec, ModelSpec } from "../model-spec.ts";
import { attention } from "./attention.ts";
import { activate, linear, linearWith, norm } from "./layers.ts";
import { FLOAT, Graph, INT64 } from "./onnx.ts";
import { rotaryInputs, rotaryOf } from "./rotary.ts";

/** Parts of a leaf that are computed only where the input of their name is 1. */
export const BLOCK_FLAGS = ["norms", "edit_z", "edit_mlp_act", "heads"] as const;

/**
 * What a call of a block is fed with. R rows, T positions (right-padded), N live positions, K places that are looked
 * at more closely, m directions. Sites are affine: out ← scale · out + add; their dims may be 1. A call that changes
 * nothing feeds 1 and 0.
 */
export function blockInputs(graph: Graph, spec: ModelSpec): void {
  graph.input("x", FLOAT, ["R", "T", spec.dModel]);
  graph.input("layer", INT64, []);
  for (const flag of BLOCK_FLAGS) graph.input(flag, INT64, []);
  graph.input("mask", FLOAT, ["T", "T"]);
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

/** Outputs of every leaf, in order, with their shapes. What components give is taken after edits. */
export const BLOCK_OUTPUTS = [
  "resid_post", // [N, d]
  "attn_norm", // [N] norms of attn_out, mlp_out, resid_post
  "mlp_norm",
  "resid_norm",
  "attn_out", // [N, d]
  "mlp_out",
  "pattern", // [R, H, T, T]
  "z", // [N, H · d_head]
  "mlp_act", // [N, d_mlp]
  "head_norm", // [K, H] norms of what each head wrote
  "head_product", // [K, H, m] what each head wrote, met with the directions
  "attn_product", // [K, m]
  "mlp_product",
] as const;
export type BlockOutput = (typeof BLOCK_OUTPUTS)[number];

/** The branch that computes one block. Cost per row: 24·T·d² FLOPs for GPT-2's shape, attention apart. */
export function blockLeaf(main: Graph, spec: ModelSpec, index: number): Graph {
  const block = spec.blocks[index] as BlockSpec;
  const graph = new Graph(`block_${index}`, main.names);

  const flat = graph.op("Reshape", ["x", graph.int64([-1, spec.dModel])]);
  const normed = norm(graph, block.attnNorm, flat);
  const { rotary } = block.attention;
  const { z: zEverywhere, pattern } = attention(graph, block.attention, normed, rotary ? rotaryOf(spec, rotary) : null);

  const live = (value: string) => graph.op("Gather", [value, "live"], { axis: 0 }); // [R·T, ·] → [N, ·]
  const resid = live(flat);
  const z = headsOutputs(graph, block, zEverywhere);
  const outWeight = graph.weight(block.attention.out.weight);
  const attnOut = site(graph, "attn_out", linearWith(graph, block.attention.out, outWeight, z));
  const middle = graph.op("Add", [resid, attnOut]);

  const mlpInput = block.parallel ? (block.mlpNorm ? norm(graph, block.mlpNorm, resid) : live(normed)) : middle;
  const mlpNormed = !block.parallel && block.mlpNorm ? norm(graph, block.mlpNorm, mlpInput) : mlpInput;
  const neurons = activations(graph, block, mlpNormed);
  const mlpOut = site(graph, "mlp_out", linear(graph, block.mlp.down, neurons));
  const residPost = graph.op("Add", [middle, mlpOut]);

  const norms = normsOf(graph, [attnOut, mlpOut, residPost]);
  const taps = tapsOf(graph, block, { z, outWeight, attnOut, mlpOut });
  for (const value of [residPost, ...norms, attnOut, mlpOut, pattern, z, neurons, ...taps]) graph.output(value, FLOAT);
  return graph;
}

/** A site that is edited in every call, neutrally where nothing changes: small beside the product before it. */
function site(graph: Graph, name: "attn_out" | "mlp_out", value: string): string {
  return graph.op("Add", [graph.op("Mul", [value, `${name}_scale`]), `${name}_add`]);
}

/** `make(graph)` with the edits of a site where the flag is 1, without where it is 0: large arrays are not passed over for nothing. */
function editedIf(
  parent: Graph,
  flag: string,
  make: (graph: Graph) => string,
  edit: (graph: Graph, value: string) => string,
): string {
  const edited = new Graph(`${parent.name}_${flag}`, parent.names);
  edited.output(edit(edited, make(edited)), FLOAT);
  const plain = new Graph(`${parent.name}_no_${flag}`, parent.names);
  plain.output(make(plain), FLOAT);
  return parent.op("If", [isSet(parent, flag)], { then_branch: edited, else_branch: plain });
}

/** z of the live positions, [N, H · d_head]. */
function headsOutputs(parent: Graph, { attention: { heads, headDim } }: BlockSpec, everywhere: string): string {
  return editedIf(
    parent,
    "edit_z",
    (graph) => graph.op("Gather", [everywhere, "live"], { axis: 0 }),
    (graph, value) => {
      const byHead = graph.op("Reshape", [value, graph.int64([-1, heads, headDim])]);
      const changed = graph.op("Add", [graph.op("Mul", [byHead, "z_scale"]), "z_add"]);
      return graph.op("Reshape", [changed, graph.int64([-1, heads * headDim])]);
    },
  );
}

/** The input of the MLP's output projection, [N, d_mlp]. */
function activations(parent: Graph, { mlp }: BlockSpec, x: string): string {
  const up = linear(parent, mlp.up, x);
  const gate = mlp.kind === "gated" ? linear(parent, mlp.gate, x) : null;
  return editedIf(
    parent,
    "edit_mlp_act",
    (graph) => (gate ? graph.op("Mul", [activate(graph, mlp.activation, gate), up]) : activate(graph, mlp.activation, up)),
    (graph, value) => graph.op("Add", [graph.op("Mul", [value, "mlp_act_scale"]), "mlp_act_add"]),
  );
}

/** ‖value‖₂ per row, [N] each; empty unless asked for. */
function normsOf(parent: Graph, values: readonly string[]): readonly string[] {
  const some = new Graph(`${parent.name}_norms`, parent.names);
  for (const value of values) some.output(some.op("ReduceL2", [value], { axes: [1], keepdims: 0 }), FLOAT);
  const none = new Graph(`${parent.name}_no_norms`, parent.names);
  for (const _ of values) none.output(none.op("ConstantOfShape", [none.int64([0])]), FLOAT);
  return parent.ops("If", [isSet(parent, "norms")], values.length, { then_branch: some, else_branch: none });
}

interface Tapped {
  readonly z: string;
  readonly outWeight: string;
  readonly attnOut: string;
  readonly mlpOut: string;
}

/** What each head wrote, z_h W_O[h], as norms and as products with the directions; the components' products beside them. */
function tapsOf(parent: Graph, { attention: { heads, headDim, out } }: BlockSpec, tapped: Tapped): readonly string[] {
  const some = new Graph(`${parent.name}_taps`, parent.names);
  const at = (value: string) => some.op("Gather", [value, "taps"], { axis: 0 });
  const byHead = some.op("Reshape", [at(tapped.z), some.int64([-1, heads, headDim])]);
  const z = some.op("Transpose", [byHead], { perm: [1, 0, 2] }); // [H, K, d_head]
  const written = some.op("MatMul", [z, weightsByHead(some, out, tapped.outWeight, heads, headDim)]); // [H, K, d]
  const directions = some.op("Transpose", ["directions"], { perm: [1, 0] }); // [d, m]
  const headNorm = some.op("ReduceL2", [written], { axes: [2], keepdims: 0 }); // [H, K]
  some.output(some.op("Transpose", [headNorm], { perm: [1, 0] }), FLOAT);
  some.output(some.op("Transpose", [some.op("MatMul", [written, directions])], { perm: [1, 0, 2] }), FLOAT);
  for (const value of [tapped.attnOut, tapped.mlpOut]) some.output(some.op("MatMul", [at(value), directions]), FLOAT);

  const none = new Graph(`${parent.name}_no_taps`, parent.names);
  for (const shape of [
    [0, 0],
    [0, 0, 0],
    [0, 0],
    [0, 0],
  ])
    none.output(none.op("ConstantOfShape", [none.int64(shape)]), FLOAT);
  return parent.ops("If", [isSet(parent, "heads")], 4, { then_branch: some, else_branch: none });
}

/** The output projection's weights, [H, d_head, d]. */
function weightsByHead(
  graph: Graph,
  { layout, outFeatures }: LinearSpec,
  weight: string,
  heads: number,
  headDim: number,
): string {
  if (layout === "in_out") return graph.op("Reshape", [weight, graph.int64([heads, headDim, outFeatures])]);
  const apart = graph.op("Reshape", [weight, graph.int64([outFeatures, heads, headDim])]);
  return graph.op("Transpose", [apart], { perm: [1, 2, 0] });
}

function isSet(graph: Graph, flag: string): string {
  return graph.op("Less", [graph.int64(0), flag]);
}
