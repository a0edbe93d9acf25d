/**
 * The read-out as it was before its sums were exact, for a certificate to fail on: LogSoftmax and Softmax over the whole
 * vocabulary, float32 sums over it, one product for an expectation.
 */
import { norm } from "../../../src/engine/graph/layers.ts";
import { encodeModel, FLOAT, Graph, INT64, Names } from "../../../src/engine/graph/onnx.ts";
import type { ModelSpec } from "../../../src/engine/model-spec.ts";

export const FORMER_OUTPUTS = [
  "hidden",
  "logits",
  "top_ids",
  "top_logprobs",
  "entropy",
  "peak",
  "peak_probability",
  "followed_logits",
  "followed_logprobs",
  "expectation",
  "difference",
] as const;

/** Inputs: x [n, d]; is_hidden: 1 where x is h already; followed [n, m]; expect [e]; reference_rows [n] or [1]; k [1]. */
export function formerReadout(spec: ModelSpec): Uint8Array {
  const main = new Graph("former", new Names());
  main.input("x", FLOAT, ["n", spec.dModel]);
  main.input("is_hidden", INT64, []);
  main.input("followed", INT64, ["n", "m"]);
  main.input("expect", INT64, ["e"]);
  main.input("reference_rows", INT64, ["r"]);
  main.input("k", INT64, [1]);
  const branch = (name: string, value: (graph: Graph) => string) => {
    const graph = new Graph(name, main.names);
    graph.output(value(graph), FLOAT);
    return graph;
  };
  const hidden = main.op("If", [main.op("Less", [main.int64(0), "is_hidden"])], {
    then_branch: branch("given", (graph) => graph.op("Identity", ["x"])),
    else_branch: branch("normed", (graph) => norm(graph, spec.finalNorm, "x")),
  });
  const weight = main.weight(spec.unembed.weight);
  const logits = main.op("Gemm", [hidden, weight], { transB: 1 });
  const logprobs = main.op("LogSoftmax", [logits], { axis: -1 });
  const probabilities = main.op("Softmax", [logits], { axis: -1 });
  const sum = (rows: string) => main.op("ReduceSum", [rows, main.int64([1])], { keepdims: 0 });
  const most = (rows: string) => main.op("ReduceMax", [rows], { axes: [1], keepdims: 0 });
  const row = (values: string, rows: string) => main.op("Gather", [values, rows], { axis: 0 });
  const topIds = main.ops("TopK", [logits, "k"], 2, { axis: -1, largest: 1, sorted: 1 })[1] as string;
  const apart = main.op("Sub", [row(logits, "reference_rows"), logits]);
  const values: Record<(typeof FORMER_OUTPUTS)[number], string> = {
    hidden,
    logits,
    top_ids: topIds,
    top_logprobs: main.op("GatherElements", [logprobs, topIds], { axis: 1 }),
    entropy: main.op("Neg", [sum(main.op("Mul", [probabilities, logprobs]))]),
    peak: most(logits),
    peak_probability: most(probabilities),
    followed_logits: main.op("GatherElements", [logits, "followed"], { axis: 1 }),
    followed_logprobs: main.op("GatherElements", [logprobs, "followed"], { axis: 1 }),
    expectation: main.op("Gemm", [row(probabilities, "expect"), weight]),
    difference: sum(main.op("Mul", [row(probabilities, "reference_rows"), apart])),
  };
  for (const name of FORMER_OUTPUTS) {
    main.ops("Identity", [values[name]], [name]);
    main.output(name, name === "top_ids" ? INT64 : FLOAT);
  }
  return encodeModel(main);
}
