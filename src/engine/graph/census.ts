/** Central moments of cosines between neurons and rows of the unembed, for one part of the vocabulary at a time. */
import type { ModelSpec } from "../model-spec.ts";
import { encodeModel, FLOAT, Graph, INT64, Names } from "./onnx.ts";

/** Sums over the rows of a call of y², y³ and y⁴, [1, n] each. */
export const CENSUS_OUTPUTS = ["square", "cube", "fourth"] as const;

/**
 * Inputs: x [n, d] neurons, along which rows are measured; offset and mean [1, n]; from, to [1]: rows of the unembed;
 * scale [c, 1] of these rows. y_vj = (W_U[v] · x_j + offset_j) · scale_v − mean_j, never more than c rows at a time: what
 * the product writes, the sums read from the cache. The matrix stays in the file, half types too, which are cast row by
 * row as they are used.
 */
export function writeCensus({ dModel, unembed }: ModelSpec): Uint8Array {
  const graph = new Graph("census", new Names(true));
  graph.input("x", FLOAT, ["n", dModel]);
  for (const name of ["offset", "mean"]) graph.input(name, FLOAT, [1, "n"]);
  graph.input("scale", FLOAT, ["c", 1]);
  for (const name of ["from", "to"]) graph.input(name, INT64, [1]);
  const stored = graph.op("Slice", [graph.stored(unembed.weight), "from", "to", graph.int64([0])]);
  const rows = unembed.weight.type === "F32" ? stored : graph.op("Cast", [stored], { to: FLOAT });
  const products = graph.op("Gemm", [rows, "x", "offset"], { transB: 1 });
  const y = graph.op("Sub", [graph.op("Mul", [products, "scale"]), "mean"]); // [c, n]
  const square = graph.op("Mul", [y, y]);
  const powers = [square, graph.op("Mul", [square, y]), graph.op("Mul", [square, square])];
  // A product with ones sums columns faster than ReduceSum does.
  const shape = graph.op("Concat", [graph.int64([1]), graph.op("Shape", ["scale"], { start: 0, end: 1 })], { axis: 0 });
  const ones = graph.op("Add", [graph.op("ConstantOfShape", [shape]), graph.float32(1)]);
  for (const [index, name] of CENSUS_OUTPUTS.entries()) {
    graph.ops("MatMul", [ones, powers[index] as string], [name]);
    graph.output(name, FLOAT);
  }
  return encodeModel(graph);
}
