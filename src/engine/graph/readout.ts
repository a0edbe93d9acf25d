/**
 * The read-out: final norm, unembed, and all that is reduced there. A second small graph: its rows come from any
 * step of any run, in chunks that stay in the cache, while the blocks' graph goes on with other shapes.
 */
import type { ModelSpec } from "../model-spec.ts";
import { norm } from "./layers.ts";
import { encodeModel, FLOAT, Graph, INT64, Names } from "./onnx.ts";
import { type Unembed, unembed } from "./unembed.ts";

/**
 * The input `lens`: how `x` becomes the vector h that the unembed multiplies; `hidden…`: x is h already. Odd ones
 * leave the unembed's bias out.
 */
export const LENS = { standard: 0, frozenNorm: 1, hidden: 2, hiddenFrozenNorm: 3 } as const;
/** The input `mode`: what is reduced from the logits. */
export const MODE = { readout: 0, divergence: 1 } as const;

const DOUBLE = 11;

/** 64 bytes of float32: as wide as any vector register. */
const ALIGNED_VALUES = 16;
/** Far below any logit, and finite: a difference of two is no NaN. */
const NO_LOGIT = -1e9;

export const READOUT_OUTPUTS = [
  "hidden", // [n, d] the vectors that met the unembed
  "top_ids", // [n, k] int64, most likely first, the lowest id of a tie first
  "top_row", // [n] int64, the most likely row of the vocabulary, padding included; empty where there is none
  "top_logprobs", // [n, k]
  "entropy", // [n] nats
  "peak", // [n] the largest logit
  "peak_probability", // [n] its probability, 1/Σ exp(z − peak)
  "followed_logits", // [n, m]
  "followed_logprobs", // [n, m]
  "followed_above", // [n, m] how many logits are strictly greater
  "expectation", // [e, d] W_Uᵀp of the rows that `expect` names
  "expected_bias", // [e] b_U·p, likewise
  "logits", // [n, V]
  "probabilities", // [n, V]
  "difference", // [n] Σ p (z_p − z) against the reference rows, where there are any
  "divergence", // [n/2] double, mode divergence: KL(first half ‖ second half), nats, row by row
] as const;
export type ReadoutOutput = (typeof READOUT_OUTPUTS)[number];

/**
 * Inputs: x [n, d]; inverse_sigma [n, 1] (lens frozen-norm); followed [n, m] ids; expect [e] rows; reference_logits and
 * reference_probabilities [r, V], r a divisor of n, or [0, V]; reference_rows [n], [1] or [0]: rows of this call instead; k [1]; lens, mode scalars, and ranks: 1 where they are counted.
 * Formulas: z = W_U h + b_U; entropy −Σ p ln p; the direct divergence Σ p (ln p − ln q) is summed in double.
 * `hasLogSoftmax`: whether the device has a kernel for it.
 */
export function writeReadout(spec: ModelSpec, keepsHalf = false, hasLogSoftmax = true): Uint8Array {
  const main = new Graph("readout", new Names(keepsHalf));
  main.input("x", FLOAT, ["n", spec.dModel]);
  main.input("inverse_sigma", FLOAT, ["n_sigma", 1]);
  main.input("followed", INT64, ["n_followed", "m"]);
  main.input("expect", INT64, ["e"]);
  main.input("reference_logits", FLOAT, ["r", spec.vocabSize]);
  main.input("reference_probabilities", FLOAT, ["r", spec.vocabSize]);
  main.input("reference_rows", INT64, ["r_rows"]);
  main.input("k", INT64, [1]);
  main.input("lens", INT64, []);
  main.input("mode", INT64, []);
  main.input("ranks", INT64, []);

  const bias = spec.unembed.bias ? main.weight(spec.unembed.bias) : null;
  const hidden = hiddenOf(main, spec);
  const logits = "logits";
  const matrix = unembed(main, spec.unembed);
  matrix.logits(hidden, bias ? "unbiased_logits" : logits);
  if (bias) main.ops("Add", ["unbiased_logits", biasOf(main, bias)], [logits]);

  main.ops("Identity", [hidden], ["hidden"]);
  const divergent = main.op("Equal", ["mode", main.int64(MODE.divergence)]);
  const branched = READOUT_OUTPUTS.filter((name) => name !== "hidden" && name !== "logits");
  main.ops("If", [divergent], branched, {
    then_branch: divergenceBranch(main, spec, logits),
    else_branch: reduceBranch(main, spec, logits, matrix, bias, hasLogSoftmax),
  });
  for (const name of READOUT_OUTPUTS) main.output(name, isIds(name) ? INT64 : name === "divergence" ? DOUBLE : FLOAT);
  return encodeModel(main);
}

/** h for each lens. frozen-norm: (x − mean x)/σ_final ⊙ γ; RMSNorm models: x/rms_final ⊙ γ; no bias. */
function hiddenOf(main: Graph, spec: ModelSpec): string {
  const branch = (name: string, value: (graph: Graph) => string) => {
    const graph = new Graph(name, main.names);
    graph.output(value(graph), FLOAT);
    return graph;
  };
  const frozen = branch("lens_frozen_norm", (graph) => {
    const centred = spec.finalNorm.kind === "layer" ? graph.op("Sub", ["x", graph.op("ReduceMean", ["x"], { axes: [1] })]) : "x";
    return graph.op("Mul", [graph.op("Mul", [centred, "inverse_sigma"]), graph.weight(spec.finalNorm.weight)]);
  });
  const given = branch("lens_hidden", (graph) => graph.op("Identity", ["x"]));
  const other = branch("lens_other", (graph) => {
    const isFrozen = graph.op("Equal", ["lens", graph.int64(LENS.frozenNorm)]);
    return graph.op("If", [isFrozen], { then_branch: frozen, else_branch: given });
  });
  const standard = branch("lens_standard", (graph) => norm(graph, spec.finalNorm, "x"));
  const isStandard = main.op("Equal", ["lens", main.int64(LENS.standard)]);
  return main.op("If", [isStandard], { then_branch: standard, else_branch: other });
}

/** b_U, or zeros for the frozen-norm lens, which leaves every bias out. */
function biasOf(graph: Graph, bias: string): string {
  const kept = graph.op("Sub", [graph.int64(1), graph.op("Mod", ["lens", graph.int64(2)])]);
  return graph.op("Mul", [bias, graph.op("Cast", [kept], { to: FLOAT })]);
}

function reduceBranch(
  main: Graph,
  spec: ModelSpec,
  logits: string,
  matrix: Unembed,
  bias: string | null,
  hasLogSoftmax: boolean,
): Graph {
  const graph = new Graph("reduce", main.names);
  const logprobs = hasLogSoftmax ? graph.op("LogSoftmax", [logits], { axis: -1 }) : logSoftmax(graph, logits);
  // A second softmax is a third of the cost of Exp over the logits; Mul and ReduceSum beat a product of vectors.
  const probabilities = graph.op("Softmax", [logits], { axis: -1 });
  // Padded vocabulary rows stay in the softmax and are left out of the top-k.
  const isPadded = spec.tokenCount < spec.vocabSize;
  const known = isPadded
    ? graph.op("Slice", [logits, graph.int64([0]), graph.int64([spec.tokenCount]), graph.int64([1])])
    : logits;
  const topRow = isPadded ? graph.op("ArgMax", [logits], { axis: 1, keepdims: 0 }) : empty(graph, [0], INT64);
  const topIds = graph.ops("TopK", [known, "k"], 2, { axis: -1, largest: 1, sorted: 1 })[1] as string;
  const topLogprobs = graph.op("GatherElements", [logprobs, topIds], { axis: 1 });
  const flat = (value: string) => graph.op("Reshape", [value, graph.int64([-1])]);
  const peak = flat(graph.op("ReduceMax", [logits], { axes: [1] }));
  const peakProbability = flat(graph.op("ReduceMax", [probabilities], { axes: [1] }));
  const plogp = graph.op("Mul", [probabilities, logprobs]);
  const entropy = graph.op("Neg", [sumOfRows(graph, plogp, spec.vocabSize)]);
  const followedLogits = graph.op("GatherElements", [logits, "followed"], { axis: 1 });
  const [expectation, expectedBias] = expectations(graph, spec, probabilities, matrix, bias);
  const values = [
    topIds,
    topRow,
    topLogprobs,
    entropy,
    peak,
    peakProbability,
    followedLogits,
    graph.op("GatherElements", [logprobs, "followed"], { axis: 1 }),
    countAbove(graph, logits, followedLogits),
    expectation,
    expectedBias,
    probabilities,
    differences(graph, logits, probabilities, spec.vocabSize),
    empty(graph, [0], DOUBLE),
  ];
  for (const [index, value] of values.entries())
    graph.output(value, index < 2 ? INT64 : index === values.length - 1 ? DOUBLE : FLOAT);
  return graph;
}

function isIds(name: ReadoutOutput): boolean {
  return name === "top_ids" || name === "top_row";
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
  none.output(empty(none, [0, 0], FLOAT), FLOAT);
  return parent.op("If", [parent.op("Less", [parent.int64(0), "ranks"])], { then_branch: some, else_branch: none });
}

/** x − max x − ln Σ exp(x − max x) of every row, from operators that every device has. */
function logSoftmax(graph: Graph, x: string): string {
  const shifted = graph.op("Sub", [x, graph.op("ReduceMax", [x], { axes: [1] })]);
  const sum = graph.op("ReduceSum", [graph.op("Exp", [shifted]), graph.int64([1])]);
  return graph.op("Sub", [shifted, graph.op("Log", [sum])]);
}

/** e = W_Uᵀp and c = b_U·p, with which KL(p ‖ q) needs no logits of q, of the rows asked for. */
function expectations(
  parent: Graph,
  spec: ModelSpec,
  probabilities: string,
  matrix: Unembed,
  bias: string | null,
): readonly [string, string] {
  const count = parent.op("Squeeze", [parent.op("Shape", ["expect"]), parent.int64([0])]);
  const some = new Graph("expectation", parent.names);
  const chosen = some.op("Gather", [probabilities, "expect"], { axis: 0 });
  some.output(matrix.expectation(some, chosen), FLOAT);
  // A sum, not a product with one column: that one's last bits depend on the number of rows.
  some.output(
    bias
      ? sumOfRows(some, some.op("Mul", [chosen, biasOf(some, bias)]), spec.vocabSize)
      : some.op("ConstantOfShape", [some.op("Shape", [chosen], { start: 0, end: 1 })]),
    FLOAT,
  );
  const none = new Graph("no_expectation", parent.names);
  none.output(empty(none, [0, spec.dModel], FLOAT), FLOAT);
  none.output(empty(none, [0], FLOAT), FLOAT);
  const wanted = parent.op("Less", [parent.int64(0), count]);
  const [expectation, expected] = parent.ops("If", [wanted], 2, { then_branch: some, else_branch: none });
  return [expectation as string, expected as string];
}

/**
 * Σ p (z_p − z), which with both log-sum-exps is KL(p ‖ q): small where the distributions are near, and so is its error.
 * p is given, r rows for each r rows of the call; or rows of this very call.
 */
function differences(parent: Graph, logits: string, probabilities: string, vocabSize: number): string {
  const weighted = (graph: Graph, referenceLogits: string, referenceProbabilities: string, of: string) =>
    graph.op("Mul", [referenceProbabilities, graph.op("Sub", [referenceLogits, of])]);
  const isGiven = (graph: Graph, input: string) => {
    const count = graph.op("Squeeze", [graph.op("Shape", [input], { start: 0, end: 1 }), graph.int64([0])]);
    return graph.op("Less", [graph.int64(0), count]);
  };
  const given = new Graph("differences_given", parent.names);
  const shape = given.op("Concat", [given.int64([-1]), given.op("Shape", ["reference_logits"])], { axis: 0 });
  const apart = weighted(given, "reference_logits", "reference_probabilities", given.op("Reshape", [logits, shape]));
  given.output(sumOfRows(given, given.op("Reshape", [apart, given.int64([-1, vocabSize])]), vocabSize), FLOAT);
  const own = new Graph("differences_within", parent.names);
  const row = (values: string) => own.op("Gather", [values, "reference_rows"], { axis: 0 });
  own.output(sumOfRows(own, weighted(own, row(logits), row(probabilities), logits), vocabSize), FLOAT);
  const none = new Graph("no_differences", parent.names);
  none.output(empty(none, [0], FLOAT), FLOAT);
  const within = new Graph("differences_here", parent.names);
  within.output(within.op("If", [isGiven(within, "reference_rows")], { then_branch: own, else_branch: none }), FLOAT);
  return parent.op("If", [isGiven(parent, "reference_logits")], { then_branch: given, else_branch: within });
}

/**
 * Σ of every row, [n, width] → [n]. onnxruntime begins a row's sum with what stands before the next aligned address:
 * rows are filled up with zeros to a multiple of it, or their last bits would depend on which row of a call they are.
 */
function sumOfRows(graph: Graph, rows: string, width: number): string {
  const missing = missingValues(width);
  const filled = missing === 0 ? rows : graph.op("Pad", [rows, graph.int64([0, 0, 0, missing])]);
  return graph.op("ReduceSum", [filled, graph.int64([1])], { keepdims: 0 });
}

/** How many values a row of `width` lacks to end at an aligned address. */
function missingValues(width: number): number {
  return -width & (ALIGNED_VALUES - 1);
}

/** Rows 0 … n/2−1 are p, the others q: Σ p (ln p − ln q), each row normalised and summed in double. */
function divergenceBranch(main: Graph, spec: ModelSpec, logits: string): Graph {
  const graph = new Graph("divergence", main.names);
  const missing = missingValues(spec.vocabSize);
  const cast = graph.op("Cast", [logits], { to: DOUBLE });
  // Aligned as in `sumOfRows`, with logits whose probability is 0.
  const nowhere = () => graph.op("Cast", [graph.int64(NO_LOGIT)], { to: DOUBLE });
  const wide = missing === 0 ? cast : graph.op("Pad", [cast, graph.int64([0, 0, 0, missing]), nowhere()]);
  const peak = graph.op("ReduceMax", [wide], { axes: [1] });
  const shifted = graph.op("Sub", [wide, peak]);
  const mass = graph.op("ReduceSum", [graph.op("Exp", [shifted]), graph.int64([1])]);
  const logprobs = graph.op("Sub", [shifted, graph.op("Log", [mass])]);
  const halves = graph.op("Reshape", [logprobs, graph.int64([2, -1, spec.vocabSize + missing])]);
  const half = (index: number) => graph.op("Gather", [halves, graph.int64(index)], { axis: 0 });
  const p = half(0);
  const terms = graph.op("Mul", [graph.op("Exp", [p]), graph.op("Sub", [p, half(1)])]);
  const divergence = graph.op("ReduceSum", [terms, graph.int64([1])], { keepdims: 0 });
  const nothing = (shape: readonly number[]) => empty(graph, shape, FLOAT);
  graph.output(empty(graph, [0, 0], INT64), INT64);
  graph.output(empty(graph, [0], INT64), INT64);
  for (const shape of [[0, 0], [0], [0], [0], [0, 0], [0, 0], [0, 0], [0, spec.dModel], [0], [0, 0], [0]])
    graph.output(nothing(shape), FLOAT);
  graph.output(divergence, DOUBLE);
  return graph;
}

function empty(graph: Graph, shape: readonly number[], type: number): string {
  return graph.op("Cast", [graph.op("ConstantOfShape", [graph.int64(shape)])], { to: type });
}
