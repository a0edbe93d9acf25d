/** A row of logits relative to its most likely row of the vocabulary: all that is reduced there comes from these. */
import type { ModelSpec } from "../../model-spec.ts";
import type { Graph } from "../onnx.ts";
import { filled } from "./sums.ts";

/** Far below any logit, and finite: a difference of two is no NaN. */
export const NO_LOGIT = -1e9;

export interface RelativeLogits {
  /** [n, k] ids, most likely first, the lowest of a tie first, and their logits; padding is left out. */
  readonly topIds: string;
  readonly topLogits: string;
  /** [n, 1] the most likely row of the vocabulary, padding included, and its logit. */
  readonly topRow: string;
  readonly peak: string;
  /** [n, width] s = z − peak ≤ 0; an exact float32 where it matters, whatever all logits have in common. */
  readonly relative: string;
  /** [n, width] e^s, 0 at `topRow`: the 1 that stands there would swallow what is summed beside it. */
  readonly weights: string;
}

/** One exponential a logit, no softmax: what it is divided by is summed in blocks (see `sums.ts`). `logits` [n, V]. */
export function relativeLogits(graph: Graph, spec: Pick<ModelSpec, "tokenCount" | "vocabSize">, logits: string): RelativeLogits {
  const { tokenCount, vocabSize } = spec;
  const columns = (from: number, to: number) =>
    graph.op("Slice", [logits, graph.int64([from]), graph.int64([to]), graph.int64([1])]);
  const isPadded = tokenCount < vocabSize;
  const known = isPadded ? columns(0, tokenCount) : logits;
  const [topLogits, topIds] = graph.ops("TopK", [known, "k"], 2, { axis: -1, largest: 1, sorted: 1 }) as [string, string];
  const first = (values: string) => graph.op("Slice", [values, graph.int64([0]), graph.int64([1]), graph.int64([1])]);
  let [topRow, peak] = [first(topIds), first(topLogits)];
  if (isPadded) {
    const [most, index] = graph.ops("TopK", [columns(tokenCount, vocabSize), graph.int64([1])], 2, { axis: -1 }) as [
      string,
      string,
    ];
    const isAbove = graph.op("Greater", [most, peak]);
    topRow = graph.op("Where", [isAbove, graph.op("Add", [index, graph.int64([tokenCount])]), topRow]);
    peak = graph.op("Max", [most, peak]);
  }
  const relative = graph.op("Sub", [filled(graph, logits, vocabSize, NO_LOGIT), peak]);
  const nothing = graph.op("Expand", [graph.float32(0), graph.op("Shape", [peak])]);
  const weights = graph.op("ScatterElements", [graph.op("Exp", [relative]), topRow, nothing], { axis: 1 });
  return { topIds, topLogits, topRow, peak, relative, weights };
}
