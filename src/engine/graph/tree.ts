/** All blocks of a model in one graph: the leaves of a balanced tree of `If`; the scalar `layer` chooses one. */
import type { ModelSpec } from "../model-spec.ts";
import { BLOCK_OUTPUTS, blockInputs, blockLeaf } from "./block.ts";
import { encodeModel, FLOAT, Graph, Names } from "./onnx.ts";

/**
 * The ONNX model of all blocks, some tens of kilobytes; its weights stay in the safetensors files, half types too where
 * `keepsHalf`: they are cast in every call then.
 * Inputs: `blockInputs`; outputs: `BLOCK_OUTPUTS`, of the block that `layer` names.
 */
export function writeBlocks(spec: ModelSpec, keepsHalf = false): Uint8Array {
  const main = new Graph("blocks", new Names(keepsHalf));
  blockInputs(main, spec);
  const subtree = (from: number, to: number): Graph => {
    if (to - from === 1) return blockLeaf(main, spec, from);
    const branch = new Graph(`blocks_${from}_to_${to - 1}`, main.names);
    for (const output of choose(branch, from, to)) branch.output(output, FLOAT);
    return branch;
  };
  const choose = (graph: Graph, from: number, to: number, names?: readonly string[]): readonly string[] => {
    const middle = (from + to) >> 1;
    const condition = graph.op("Less", ["layer", graph.int64(middle)]);
    // A model of one block has no choice to make; both sides of its `If` would be the same leaf.
    const alone = to - from === 1;
    const branches = { then_branch: subtree(from, alone ? to : middle), else_branch: subtree(alone ? from : middle, to) };
    return graph.ops("If", [condition], names ?? BLOCK_OUTPUTS.length, branches);
  };
  for (const name of choose(main, 0, spec.blocks.length, BLOCK_OUTPUTS)) main.output(name, FLOAT);
  return encodeModel(main);
}
