/** What can only be said of several models together. */

import { meanOf, measuredBy } from "../results/measured.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { listed, outOf, percent } from "../text/numbers.ts";
import { type Verdict, verdictOf } from "./claim.ts";
import { middleOf } from "./robustness.ts";

/** A claim about models side by side, judged. */
export interface Across {
  readonly says: string;
  readonly verdict: Verdict;
  readonly sentence: string;
}

/** Of all pairs of models of different depth, in how many is the deeper one the more robust? null: there is no such pair. */
export function deeperIsMoreRobust(models: readonly ModelOutcomes[]): Across | null {
  const kept = models.flatMap((of) => {
    const result = resultOf(of, "layer-interventions");
    if (!result) return [];
    const layers = result.model.n_layers;
    const middle = middleOf(measuredBy(result, "top1_agreement", { operation: "delete" }), layers - 1);
    return middle.length === 0 ? [] : [{ id: of.model.id, layers, share: meanOf(middle) }];
  });
  const pairs = kept.flatMap((a, i) =>
    kept
      .slice(i + 1)
      .flatMap((b) => (a.layers === b.layers ? [] : [a.layers < b.layers ? { less: a, more: b } : { less: b, more: a }])),
  );
  if (pairs.length === 0) return null;
  const inLine = pairs.filter(({ less, more }) => less.share < more.share).length;
  const said = [...kept]
    .sort((a, b) => a.layers - b.layers)
    .map(({ id, layers, share }) => `${id} (${layers} layers) keeps ${percent(share)}`);
  const found =
    pairs.length === 1
      ? inLine === 1
        ? "It does here"
        : "Here it does not"
      : `It does in ${outOf(inLine, pairs.length)} pairs of models`;
  return {
    says: "A deeper model bears the loss of a middle layer better.",
    verdict: verdictOf(inLine > 0, inLine === pairs.length),
    sentence: `${found}: of the top predictions, without one of the middle layers, ${listed(said)} on average. The models differ in more than their depth (width, texts, training): a comparison, and no proof.`,
  };
}
