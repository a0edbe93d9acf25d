/** What is a block's own, as leaves of the trees: everything that multiplies with its weights. */
import type { BlockSpec, LinearSpec, ModelSpec } from "../model-spec.ts";
import { activate, linear, linearWith, norm } from "./layers.ts";
import { FLOAT, Graph } from "./onnx.ts";

/** Whether the MLP of some block reads what the attention's norm gives. */
export function sharesNorm({ blocks }: ModelSpec): boolean {
  return blocks.some(({ parallel, mlpNorm }) => parallel && !mlpNorm);
}

/** Before the attention: q [n, H·d_head], k and v [n, KV·d_head] of a stream [n, d], and the normed stream where it is shared. */
export function beforeAttention(graph: Graph, spec: ModelSpec, index: number, stream: string): readonly string[] {
  const block = spec.blocks[index] as BlockSpec;
  const normed = norm(graph, block.attnNorm, stream);
  return [...queriesKeysValues(graph, block, normed), ...(sharesNorm(spec) ? [normed] : [])];
}

/** Values of the main graph at the N live positions. */
export interface Attended {
  /** [N, d] */
  readonly resid: string;
  /** [N, H · d_head], after edits. */
  readonly z: string;
  /** The same where heads are told apart, [H, K, d_head]. */
  readonly taps: string;
  /** [N, d] the normed stream, where it is shared. */
  readonly normed: string | null;
}

/** What the leaf after the attention gives. */
export const AFTER_ATTENTION = [
  "resid_post", // [N, d]
  "attn_out", // [N, d]
  "mlp_out", // [N, d]
  "mlp_act", // [N, d_mlp]
  "heads_out", // [H, K, d] what each head wrote; empty unless asked for
] as const;

/** Output projection and MLP, with the edits at their sites. Cost of both leaves per position: 24·d² FLOPs for GPT-2's shape. */
export function afterAttention(graph: Graph, spec: ModelSpec, index: number, attended: Attended): readonly string[] {
  const block = spec.blocks[index] as BlockSpec;
  const { out } = block.attention;
  const { resid, normed } = attended;
  const outWeight = graph.weight(out.weight);
  const attnOut = site(graph, "attn_out", linearWith(graph, out, outWeight, attended.z));
  const middle = graph.op("Add", [resid, attnOut]);
  const mlpInput = block.parallel ? resid : middle;
  const mlpNormed = block.mlpNorm ? norm(graph, block.mlpNorm, mlpInput) : block.parallel ? (normed as string) : mlpInput;
  const neurons = activations(graph, block, mlpNormed);
  const mlpOut = site(graph, "mlp_out", linear(graph, block.mlp.down, neurons));
  const residPost = graph.op("Add", [middle, mlpOut]);
  return [residPost, attnOut, mlpOut, neurons, headsOut(graph, block, attended.taps, outWeight)];
}

/** Three values [n, heads · d_head]. */
function queriesKeysValues(graph: Graph, { attention }: BlockSpec, h: string): readonly string[] {
  const { qkv, heads, kvHeads, headDim } = attention;
  if (qkv.kind === "split") return [linear(graph, qkv.q, h), linear(graph, qkv.k, h), linear(graph, qkv.v, h)];
  const fused = linear(graph, qkv.linear, h);
  if (qkv.order === "parts") {
    const sizes = graph.int64([heads * headDim, kvHeads * headDim, kvHeads * headDim]);
    return graph.ops("Split", [fused, sizes], 3, { axis: 1 });
  }
  // (head, q|k|v, d_head)
  const byHead = graph.op("Reshape", [fused, graph.int64([-1, heads, 3 * headDim])]);
  return graph.ops("Split", [byHead, graph.int64([headDim, headDim, headDim])], 3, { axis: 2 });
}

/** A site that is edited in every call, neutrally where nothing changes: small beside the product before it. */
function site(graph: Graph, name: "attn_out" | "mlp_out", value: string): string {
  return graph.op("Add", [graph.op("Mul", [value, `${name}_scale`]), `${name}_add`]);
}

/**
 * `make(graph)` with the edits of a site where the flag is 1, without where it is 0: large arrays are not passed over
 * for nothing. `name`: what the value is to be called.
 */
export function editedIf(
  parent: Graph,
  flag: string,
  make: (graph: Graph) => string,
  edit: (graph: Graph, value: string) => string,
  name?: string,
): string {
  const edited = new Graph(`${parent.name}_${flag}`, parent.names);
  edited.output(edit(edited, make(edited)), FLOAT);
  const plain = new Graph(`${parent.name}_no_${flag}`, parent.names);
  plain.output(make(plain), FLOAT);
  const branches = { then_branch: edited, else_branch: plain };
  return parent.ops("If", [isSet(parent, flag)], name ? [name] : 1, branches)[0] as string;
}

/** The input of the MLP's output projection, [N, d_mlp]. */
function activations(parent: Graph, { mlp }: BlockSpec, x: string): string {
  // Outside of the branches, so that the gate itself is let go.
  const gate = mlp.kind === "gated" ? activate(parent, mlp.activation, linear(parent, mlp.gate, x)) : null;
  const up = linear(parent, mlp.up, x);
  return editedIf(
    parent,
    "edit_mlp_act",
    (graph) => (gate ? graph.op("Mul", [gate, up]) : activate(graph, mlp.activation, up)),
    (graph, value) => graph.op("Add", [graph.op("Mul", [value, "mlp_act_scale"]), "mlp_act_add"]),
  );
}

/** What each head wrote, z_h W_O[h], [H, K, d]. */
function headsOut(parent: Graph, { attention: { heads, headDim, out } }: BlockSpec, z: string, outWeight: string): string {
  const some = new Graph(`${parent.name}_heads`, parent.names);
  some.output(some.op("MatMul", [z, weightsByHead(some, out, outWeight, heads, headDim)]), FLOAT);
  const none = new Graph(`${parent.name}_no_heads`, parent.names);
  none.output(none.op("ConstantOfShape", [none.int64([0, 0, 0])]), FLOAT);
  return parent.op("If", [isSet(parent, "heads")], { then_branch: some, else_branch: none });
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

export function isSet(graph: Graph, flag: string): string {
  return graph.op("Less", [graph.int64(0), flag]);
}
