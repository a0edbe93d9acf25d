/** Choices by block: the leaves of a balanced tree of `If`; the scalar `layer` chooses one. */
import { FLOAT, Graph } from "./onnx.ts";

/** A leaf: a graph without inputs, that reads names of `main`, and the same float32 outputs whatever the block. */
export type Leaf = (graph: Graph, block: number) => readonly string[];

/** The outputs of the leaf that `layer` names, of `count` blocks; `names`: what they are to be called. */
export function chooseByLayer(
  main: Graph,
  name: string,
  count: number,
  leaf: Leaf,
  names?: readonly string[],
): readonly string[] {
  let outputs = 0;
  const branch = (title: string, values: (graph: Graph) => readonly string[]): Graph => {
    const graph = new Graph(`${name}_${title}`, main.names);
    const made = values(graph);
    for (const value of made) graph.output(value, FLOAT);
    outputs = made.length;
    return graph;
  };
  const subtree = (from: number, to: number): Graph =>
    to - from === 1
      ? branch(String(from), (graph) => leaf(graph, from))
      : branch(`${from}_to_${to - 1}`, (graph) => choose(graph, from, to));
  const choose = (graph: Graph, from: number, to: number, called?: readonly string[]): readonly string[] => {
    const middle = (from + to) >> 1;
    const condition = graph.op("Less", ["layer", graph.int64(middle)]);
    // A model of one block has no choice to make; both sides of its `If` would be the same leaf.
    const alone = to - from === 1;
    const branches = { then_branch: subtree(from, alone ? to : middle), else_branch: subtree(alone ? from : middle, to) };
    return graph.ops("If", [condition], called ?? outputs, branches);
  };
  return choose(main, 0, count, names);
}
