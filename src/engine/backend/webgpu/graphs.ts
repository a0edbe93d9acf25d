/** Small graphs that move vectors about on the device; their sizes are known at run time only. */
import { encodeModel, FLOAT, Graph, INT64, Names } from "../../graph/onnx.ts";

/** y [.., d] = the rows that `rows_0` [..] names of `source_0` [n, d]. */
export function gatherGraph(): Uint8Array {
  const graph = new Graph("gather", new Names());
  graph.input("source_0", FLOAT, ["n", "d"]);
  graph.input("rows_0", INT64);
  graph.ops("Gather", ["source_0", "rows_0"], ["y"], { axis: 0 });
  return finished(graph);
}

/** The same of several sources: `rows_i` [n_i] names rows of `source_i`, `order` [..] rows of all those behind one another. */
export function mergeGraph(sources: number): Uint8Array {
  const graph = new Graph("merge", new Names());
  const parts: string[] = [];
  for (let i = 0; i < sources; i++) {
    const source = graph.input(`source_${i}`, FLOAT, [`n_${i}`, "d"]);
    const rows = graph.input(`rows_${i}`, INT64, [`r_${i}`]);
    parts.push(graph.op("Gather", [source, rows], { axis: 0 }));
  }
  graph.input("order", INT64);
  graph.ops("Gather", [graph.op("Concat", parts, { axis: 0 }), "order"], ["y"], { axis: 0 });
  return finished(graph);
}

/** y = scale · x + add: x [n, d], scale [n, 1], add [n, d]. */
export function editGraph(): Uint8Array {
  const graph = new Graph("edit", new Names());
  graph.input("x", FLOAT, ["n", "d"]);
  graph.input("scale", FLOAT, ["n", 1]);
  graph.input("add", FLOAT, ["n", "d"]);
  graph.ops("Add", [graph.op("Mul", ["x", "scale"]), "add"], ["y"]);
  return finished(graph);
}

/** y [n, d] = the mean over the first axis of x [k, n, d]. */
export function meanGraph(): Uint8Array {
  const graph = new Graph("mean", new Names());
  graph.input("x", FLOAT, ["k", "n", "d"]);
  graph.ops("ReduceMean", ["x"], ["y"], { axes: [0], keepdims: 0 });
  return finished(graph);
}

/** y = x, of any shape: from the one side to the other. */
export function copyGraph(): Uint8Array {
  const graph = new Graph("copy", new Names());
  graph.input("x", FLOAT);
  graph.ops("Identity", ["x"], ["y"]);
  return finished(graph);
}

function finished(graph: Graph): Uint8Array {
  graph.output("y", FLOAT);
  return encodeModel(graph);
}
