/** e = W_Uᵀw and c = b_U·w of whole distributions, with which KL(p ‖ q) needs no logits of q. */
import type { ModelSpec } from "../../model-spec.ts";
import { empty } from "../empty.ts";
import { FLOAT, Graph } from "../onnx.ts";
import { blockSums, filled } from "./sums.ts";
import type { Unembed } from "./unembed.ts";

/**
 * Weights from here on are multiplied apart from smaller ones: 2⁻⁸. In one product the many small terms would be added to
 * a large sum and lost, and with them what all rows of W_U have in common (measured at V = 151 936: 1e-5 nats, 3e-7 so).
 */
const LARGE = 2 ** -8;

/** Of the rows that `expect` names: [2e, d], of large and of small weights, and [e, blocks] partial sums; empty where there are none. */
export function expectations(
  parent: Graph,
  spec: ModelSpec,
  { weights, topRow }: { readonly weights: string; readonly topRow: string },
  matrix: Unembed,
  bias: ((graph: Graph) => string) | null,
): readonly [string, string] {
  const some = new Graph("expectation", parent.names);
  const chosen = (values: string) => some.op("Gather", [values, "expect"], { axis: 0 });
  const tops = chosen(topRow);
  const one = some.op("Expand", [some.float32(1), some.op("Shape", [tops])]);
  const all = some.op("ScatterElements", [chosen(weights), tops, one], { axis: 1 });
  const isLarge = some.op("GreaterOrEqual", [all, some.float32(LARGE)]);
  const large = some.op("Where", [isLarge, all, some.float32(0)]);
  const parts = some.op("Concat", [large, some.op("Sub", [all, large])], { axis: 0 });
  const known = some.op("Slice", [parts, some.int64([0]), some.int64([spec.vocabSize]), some.int64([1])]);
  some.output(matrix.expectation(some, known), FLOAT);
  const wide = bias && filled(some, some.op("Unsqueeze", [bias(some), some.int64([0])]), spec.vocabSize, 0);
  some.output(wide ? blockSums(some, some.op("Mul", [all, wide]), spec.vocabSize) : empty(some, [0, 0]), FLOAT);

  const none = new Graph("no_expectation", parent.names);
  none.output(empty(none, [0, spec.dModel]), FLOAT);
  none.output(empty(none, [0, 0]), FLOAT);
  const count = parent.op("Squeeze", [parent.op("Shape", ["expect"]), parent.int64([0])]);
  const wanted = parent.op("Less", [parent.int64(0), count]);
  return parent.ops("If", [wanted], 2, { then_branch: some, else_branch: none }) as [string, string];
}
