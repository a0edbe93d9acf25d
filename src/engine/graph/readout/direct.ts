/** The direct divergence: normalised and summed in double, where the cheap ones are in doubt. */
import type { Graph } from "../onnx.ts";

/** TensorProto.DataType of float64. */
export const DOUBLE = 11;
/** Sums of double begin with what stands before the next aligned address (64 bytes): rows are filled up to a multiple of it. */
const ALIGNED_VALUES = 8;
/** Far below any logit: its probability is 0. */
const NO_LOGIT = -1e9;

/** Rows 0 … n/2−1 of `logits` [n, V] are p, the others q: Σ p (ln p − ln q), [n/2] double. */
export function directDivergence(graph: Graph, logits: string, vocabSize: number): string {
  const missing = -vocabSize & (ALIGNED_VALUES - 1);
  const cast = graph.op("Cast", [logits], { to: DOUBLE });
  const nowhere = () => graph.op("Cast", [graph.int64(NO_LOGIT)], { to: DOUBLE });
  const wide = missing === 0 ? cast : graph.op("Pad", [cast, graph.int64([0, 0, 0, missing]), nowhere()]);
  const relative = graph.op("Sub", [wide, graph.op("ReduceMax", [wide], { axes: [1] })]);
  const weights = graph.op("Exp", [relative]);
  const mass = graph.op("ReduceSum", [weights, graph.int64([1])]);
  const half = (values: string, index: number, width: number) => {
    const halves = graph.op("Reshape", [values, graph.int64([2, -1, width])]);
    return graph.op("Gather", [halves, graph.int64(index)], { axis: 0 });
  };
  const width = vocabSize + missing;
  const apart = graph.op("Sub", [half(relative, 0, width), half(relative, 1, width)]);
  const sum = graph.op("ReduceSum", [graph.op("Mul", [half(weights, 0, width), apart]), graph.int64([1])]);
  const lse = graph.op("Log", [mass]);
  const change = graph.op("Sub", [half(lse, 1, 1), half(lse, 0, 1)]);
  return graph.op("Reshape", [graph.op("Add", [graph.op("Div", [sum, half(mass, 0, 1)]), change]), graph.int64([-1])]);
}
