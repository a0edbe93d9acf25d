/** Central moments of cosines between neurons and rows of the unembed, for one part of the vocabulary at a time. */
import type { ModelSpec } from "../model-spec.ts";
import { encodeModel, FLOAT, Graph, INT64, Names } from "./onnx.ts";

/** Sums over the rows of a call of y², y³ and y⁴, [1, n] each. */
export const CENSUS_OUTPUTS = ["square", "cube", "fourth"] as const;

const DOUBLE = 11;

/**
 * Inputs: x [n, d] neurons, along which rows are measured; offset and mean [1, n]; from, to [1]: rows of the unembed;
 * scale [c, 1] of these c rows. y_vj = (W_U[v] · x_j + offset_j) · scale_v − mean_j. The matrix stays in the file, half
 * types too: rows are cast as they are used. `inDouble`: all but the matrix is double, and computed so.
 */
export function writeCensus({ dModel, unembed }: ModelSpec, inDouble: boolean): Uint8Array {
  const type = inDouble ? DOUBLE : FLOAT;
  const graph = new Graph("census", new Names(true));
  graph.input("x", type, ["n", dModel]);
  for (const name of ["offset", "mean"]) graph.input(name, type, [1, "n"]);
  graph.input("scale", type, ["c", 1]);
  for (const name of ["from", "to"]) graph.input(name, INT64, [1]);
  const stored = graph.op("Slice", [graph.stored(unembed.weight), "from", "to", graph.int64([0])]);
  const rows = unembed.weight.type === "F32" && !inDouble ? stored : graph.op("Cast", [stored], { to: type });
  const products = graph.op("Gemm", [rows, "x", "offset"], { transB: 1 });
  const y = graph.op("Sub", [graph.op("Mul", [products, "scale"]), "mean"]); // [c, n]
  const square = graph.op("Mul", [y, y]);
  const powers = [square, graph.op("Mul", [square, y]), graph.op("Mul", [square, square])];
  // A product with ones sums columns faster than ReduceSum does: [1, c] · [c, n].
  const shape = graph.op("Concat", [graph.int64([1]), graph.op("Shape", ["scale"], { start: 0, end: 1 })], { axis: 0 });
  const ones = graph.op("Exp", [graph.op("Cast", [graph.op("ConstantOfShape", [shape])], { to: type })]); // e⁰
  for (const [index, name] of CENSUS_OUTPUTS.entries()) {
    graph.ops("MatMul", [ones, powers[index] as string], [name]);
    graph.output(name, type);
  }
  return encodeModel(graph);
}
