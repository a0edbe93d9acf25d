/** What a branch gives where it has nothing to give: both branches of an `If` have the same outputs. */
import { FLOAT, type Graph } from "./onnx.ts";

/** A tensor of no elements. `shape` has a 0. */
export function empty(graph: Graph, shape: readonly number[], type = FLOAT): string {
  const zeros = graph.op("ConstantOfShape", [graph.int64(shape)]);
  return type === FLOAT ? zeros : graph.op("Cast", [zeros], { to: type });
}
