/**
 * The read-out: final norm, unembed, and all that is reduced there. A second small graph: its rows come from any
 * step of any run, in chunks that stay in the cache, while the blocks' graph goes on with other shapes.
 */
import type { ModelSpec } from "../../model-spec.ts";
import { empty } from "../empty.ts";
import { encodeModel, FLOAT, Graph, INT64, Names } from "../onnx.ts";
import { differenceInputs, differences } from "./difference.ts";
import { DOUBLE, directDivergence } from "./direct.ts";
import { expectations } from "./expectation.ts";
import { hiddenOf, unembedBias } from "./lens.ts";
import { relativeLogits } from "./relative.ts";
import { blockSums } from "./sums.ts";
import { type Unembed, unembed } from "./unembed.ts";

/** The input `mode`: what is reduced from the logits. */
export const MODE = { readout: 0, divergence: 1 } as const;

/** n rows, k top ids, m followed ids, e rows expected; `blocks`, `width`: see `blockedWidth`. Weights are e^(z − peak). */
export const READOUT_OUTPUTS = {
  hidden: FLOAT, // [n, d] the vectors that met the unembed
  top_ids: INT64, // [n, k] most likely first, the lowest id of a tie first; padding is left out
  top_logits: FLOAT, // [n, k]
  top_row: INT64, // [n, 1] the most likely row of the vocabulary, padding included
  peak: FLOAT, // [n, 1] its logit
  rest: FLOAT, // [n, blocks] partial sums of the weights of all other rows
  energy: FLOAT, // [n, blocks] partial sums of weight · (z − peak)
  followed_logits: FLOAT, // [n, m]
  followed_above: FLOAT, // [n, m] how many logits are strictly greater
  expectation: FLOAT, // [2e, d] W_Uᵀ·weights of the rows that `expect` names: of large weights, then of small ones
  expected_bias: FLOAT, // [e, blocks] partial sums of b_U·weights, likewise
  relative: FLOAT, // [n, width] z − peak
  weights: FLOAT, // [n, width], 0 at the most likely row
  difference: FLOAT, // [n, blocks] partial sums of how a row differs from its reference
  met: FLOAT, // [n] z − peak at the reference's most likely row
  divergence: DOUBLE, // [n/2] mode divergence: KL(first half ‖ second half), nats, row by row
} as const;
export type ReadoutOutput = keyof typeof READOUT_OUTPUTS;

/** All but what is computed whatever the mode. */
const BRANCHED = (Object.keys(READOUT_OUTPUTS) as ReadoutOutput[]).filter((name) => name !== "hidden");
/** Of one dimension. */
const FLAT: ReadonlySet<ReadoutOutput> = new Set(["met", "divergence"]);

/**
 * Inputs: x [n, d]; inverse_sigma [n, 1] (lens frozen-norm); followed [n, m] ids; expect [e] rows; reference_relative and
 * reference_weights [r, width], r a divisor of n, or [0, width], with reference_tops [n]; reference_rows [n], [1] or [0]:
 * rows of this call instead; k [1]; lens, mode scalars, and ranks: 1 where they are counted. z = W_U h + b_U.
 */
export function writeReadout(spec: ModelSpec, keepsHalf = false): Uint8Array {
  const main = new Graph("readout", new Names(keepsHalf));
  main.input("x", FLOAT, ["n", spec.dModel]);
  main.input("inverse_sigma", FLOAT, ["n_sigma", 1]);
  main.input("followed", INT64, ["n_followed", "m"]);
  main.input("expect", INT64, ["e"]);
  differenceInputs(main, spec.vocabSize);
  main.input("k", INT64, [1]);
  main.input("lens", INT64, []);
  main.input("mode", INT64, []);
  main.input("ranks", INT64, []);

  const bias = unembedBias(main, spec.unembed);
  const hidden = hiddenOf(main, spec);
  const matrix = unembed(main, spec.unembed);
  const product = matrix.logits(hidden);
  const logits = bias ? main.op("Add", [product, bias(main)]) : product;

  main.ops("Identity", [hidden], ["hidden"]);
  const divergent = main.op("Equal", ["mode", main.int64(MODE.divergence)]);
  main.ops("If", [divergent], BRANCHED, {
    then_branch: branch(main, "divergence", (graph) => ({ divergence: directDivergence(graph, logits, spec.vocabSize) })),
    else_branch: branch(main, "reduce", (graph) => reductions(graph, spec, logits, matrix, bias)),
  });
  for (const [name, type] of Object.entries(READOUT_OUTPUTS)) main.output(name, type);
  return encodeModel(main);
}

/** A branch with what it makes, and nothing where it makes nothing. */
function branch(main: Graph, name: string, make: (graph: Graph) => Partial<Record<ReadoutOutput, string>>): Graph {
  const graph = new Graph(name, main.names);
  const made = make(graph);
  for (const output of BRANCHED) {
    const shape = FLAT.has(output) ? [0] : [0, 0];
    graph.output(made[output] ?? empty(graph, shape, READOUT_OUTPUTS[output]), READOUT_OUTPUTS[output]);
  }
  return graph;
}

function reductions(
  graph: Graph,
  spec: ModelSpec,
  logits: string,
  matrix: Unembed,
  bias: ((graph: Graph) => string) | null,
): Partial<Record<ReadoutOutput, string>> {
  const { vocabSize } = spec;
  const rows = relativeLogits(graph, spec, logits);
  const followedLogits = graph.op("GatherElements", [logits, "followed"], { axis: 1 });
  const [expectation, expectedBias] = expectations(graph, spec, rows, matrix, bias);
  const [difference, met] = differences(graph, vocabSize, logits, rows);
  return {
    top_ids: rows.topIds,
    top_logits: rows.topLogits,
    top_row: rows.topRow,
    peak: rows.peak,
    rest: blockSums(graph, rows.weights, vocabSize),
    energy: blockSums(graph, graph.op("Mul", [rows.weights, rows.relative]), vocabSize),
    followed_logits: followedLogits,
    followed_above: countAbove(graph, logits, followedLogits),
    expectation,
    expected_bias: expectedBias,
    relative: rows.relative,
    weights: rows.weights,
    difference,
    met,
  };
}

/** How many logits are greater than each followed one, where that is asked for. [n, V], [n, m] → [n, m] */
function countAbove(parent: Graph, logits: string, followedLogits: string): string {
  const some = new Graph("ranks", parent.names);
  const greater = some.op("Greater", [
    some.op("Unsqueeze", [logits, some.int64([1])]),
    some.op("Unsqueeze", [followedLogits, some.int64([2])]),
  ]);
  some.output(some.op("ReduceSum", [some.op("Cast", [greater], { to: FLOAT }), some.int64([2])], { keepdims: 0 }), FLOAT);
  const none = new Graph("no_ranks", parent.names);
  none.output(empty(none, [0, 0]), FLOAT);
  return parent.op("If", [parent.op("Less", [parent.int64(0), "ranks"])], { then_branch: some, else_branch: none });
}
