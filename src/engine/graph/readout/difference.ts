/** How rows differ from rows that they are compared with: what KL(p ‖ q) needs beside both normalisers. */
import { empty } from "../empty.ts";
import { FLOAT, Graph, INT64 } from "../onnx.ts";
import type { RelativeLogits } from "./relative.ts";
import { blockedWidth, blockSums } from "./sums.ts";

/**
 * Partial sums of Σ w_p (s_p − s) [n, blocks] over all but p's most likely row, and s there, [n]. Logits relative to
 * their peaks: nothing that all of them have in common is left to be weighted. p is given (`reference_relative`,
 * `reference_weights` [r, width], `reference_tops` [n]), r rows for each r rows of the call; or rows of this very call.
 */
export function differences(
  parent: Graph,
  vocabSize: number,
  logits: string,
  { relative, weights, topRow, peak }: RelativeLogits,
): readonly [string, string] {
  const { width } = blockedWidth(vocabSize);
  const sums = (graph: Graph, ofP: string, weightsOfP: string, own: string) => {
    const terms = graph.op("Mul", [weightsOfP, graph.op("Sub", [ofP, own])]);
    return blockSums(graph, graph.op("Reshape", [terms, graph.int64([-1, width])]), vocabSize);
  };
  /** s at p's most likely rows, [n, 1] → [n] */
  const met = (graph: Graph, tops: string) => {
    const there = graph.op("Sub", [graph.op("GatherElements", [logits, tops], { axis: 1 }), peak]);
    return graph.op("Reshape", [there, graph.int64([-1])]);
  };
  const isGiven = (graph: Graph, input: string) => {
    const count = graph.op("Squeeze", [graph.op("Shape", [input], { start: 0, end: 1 }), graph.int64([0])]);
    return graph.op("Less", [graph.int64(0), count]);
  };
  const column = (graph: Graph, values: string) => graph.op("Reshape", [values, graph.int64([-1, 1])]);

  const given = new Graph("differences_given", parent.names);
  const shape = given.op("Concat", [given.int64([-1]), given.op("Shape", ["reference_relative"])], { axis: 0 });
  given.output(sums(given, "reference_relative", "reference_weights", given.op("Reshape", [relative, shape])), FLOAT);
  given.output(met(given, column(given, "reference_tops")), FLOAT);

  const own = new Graph("differences_within", parent.names);
  const row = (values: string) => own.op("Gather", [values, "reference_rows"], { axis: 0 });
  own.output(sums(own, row(relative), row(weights), relative), FLOAT);
  own.output(met(own, own.op("Expand", [row(topRow), own.op("Shape", [topRow])])), FLOAT);

  const none = new Graph("no_differences", parent.names);
  none.output(empty(none, [0, 0]), FLOAT);
  none.output(empty(none, [0]), FLOAT);
  const within = new Graph("differences_here", parent.names);
  for (const value of within.ops("If", [isGiven(within, "reference_rows")], 2, { then_branch: own, else_branch: none }))
    within.output(value, FLOAT);
  return parent.ops("If", [isGiven(parent, "reference_relative")], 2, {
    then_branch: given,
    else_branch: within,
  }) as [string, string];
}

/** The inputs that `differences` reads. */
export function differenceInputs(main: Graph, vocabSize: number): void {
  const { width } = blockedWidth(vocabSize);
  main.input("reference_relative", FLOAT, ["r", width]);
  main.input("reference_weights", FLOAT, ["r", width]);
  main.input("reference_tops", INT64, ["n_tops"]);
  main.input("reference_rows", INT64, ["r_rows"]);
}
