/** Stage 1, detokenization: attention to neighbours (figure 4), subjoiner heads (9), attention over MLP (5). */
import type { ExperimentResult } from "../../experiments/result.ts";
import { between, depthOf, highest, meanOf, measuredBy } from "../results/measured.ts";
import { resultOf } from "../results/outcome.ts";
import { flagIn, listIn, numberIn } from "../results/summary.ts";
import { counted, estimate, layerList, listed, measure, outOf, percent } from "../text/numbers.ts";
import { type Claim, verdictOf } from "./claim.ts";

/** The first layers: up to this relative depth. */
const EARLY = 1 / 3;
/** Of the attention of a head: less is no subjoiner. */
const LEAST_DIFFERENCE = 0.05;
/** Standard errors above zero: with hundreds of heads some are two above by chance. */
const SURE = 4;
/** Heads that a sentence names. */
const NAMED = 3;

const locality: Claim = {
  id: "locality",
  says: "Attention to the tokens just before is strongest in the first layers and falls from there.",
  criterion:
    "its highest layer lies in the first third, and the second half is below the first on average (in part: one of the two)",
  judge(of) {
    const result = resultOf(of, "attention-locality");
    if (!result) return null;
    const k = Number(result.settings.k ?? 5);
    const layers = result.model.n_layers;
    const all = measuredBy(result, "per_cell", { k, head: null });
    const peak = highest(all);
    const [first, second] = [between(all, layers, 0, 0.5), between(all, layers, 0.5, 1)];
    const end = all.at(-1);
    if (!peak || !end || first.length === 0 || second.length === 0 || layers < 3) return null;
    const summed = measuredBy(result, "total", { k, head: null }).find(({ at }) => at === peak.at);
    return {
      verdict: verdictOf(depthOf(peak.at, layers) <= EARLY, meanOf(second) < meanOf(first)),
      short: `highest at ${peak.at} of ${layers}`,
      sentence:
        `Attention to the previous ${k} tokens is highest in layer ${peak.at} (${measure(peak.mean)} for each of them` +
        `${summed ? `, ${percent(summed.mean)} of the attention in all` : ""}), ${measure(end.mean)} in the last layer; ` +
        `the first half has ${measure(meanOf(first))} on average, the second ${measure(meanOf(second))}.`,
    };
  },
};

export interface RankedHead {
  readonly layer: number;
  readonly head: number;
  readonly difference: number;
  readonly sem: number | null;
  readonly strongestToFirst: boolean;
}

/** The heads that the summary ranks, the strongest first. */
export function rankedHeads({ summary }: ExperimentResult): RankedHead[] {
  return listIn(summary, "heads").flatMap((each) => {
    const [layer, head] = [numberIn(each, "layer"), numberIn(each, "head")];
    const difference = numberIn(each, "total_difference");
    if (layer === null || head === null || difference === null) return [];
    return [
      { layer, head, difference, sem: numberIn(each, "sem"), strongestToFirst: flagIn(each, "strongest_to_first") === true },
    ];
  });
}

/** Those that join words beyond doubt. */
export function subjoiners(result: ExperimentResult): RankedHead[] {
  return rankedHeads(result).filter(
    ({ difference, sem }) => difference >= LEAST_DIFFERENCE && sem !== null && difference > SURE * sem,
  );
}

const subjoinerHeads: Claim = {
  id: "subjoiners",
  says: "Heads in the first layers look from a word’s last token back at its earlier ones.",
  criterion: `heads whose attention to a word’s earlier tokens is at least ${LEAST_DIFFERENCE} above that in words of one token, and four standard errors: there are some, and most lie in the first half (in part: there are some)`,
  judge(of) {
    const result = resultOf(of, "subjoiner-heads");
    if (!result) return null;
    const { n_layers: layers, n_heads: perLayer } = result.model;
    const found = subjoiners(result);
    const early = found.filter(({ layer }) => depthOf(layer, layers) < 0.5);
    const words = Number(result.settings.tokens_per_word);
    const [best] = rankedHeads(result);
    const named = found
      .slice(0, NAMED)
      .map(({ layer, head, difference, sem }) => `${layer}.${head} (${estimate(difference, sem)})`);
    const toFirst = found.filter(({ strongestToFirst }) => strongestToFirst).length;
    return {
      verdict: found.length === 0 ? "not-shown" : verdictOf(true, early.length > found.length / 2),
      short: `${counted(found.length, "head")}${found.length > 0 ? `, ${early.length} in the first half` : ""}`,
      sentence:
        found.length === 0
          ? `No head looks back at the earlier tokens of words of ${words} beyond doubt${best ? `; the largest difference is ${estimate(best.difference, best.sem)}, in head ${best.layer}.${best.head}` : ""}.`
          : `${counted(found.length, "head")} of ${layers * perLayer}${found.length === 32 ? " or more" : ""} look back at the earlier tokens of a word of ${words}, ${early.length} of them in the first half: ` +
            `the strongest ${named.length === 1 ? "is" : "are"} ${listed(named)}; ${toFirst === 0 ? "none is" : toFirst === 1 ? "one is" : `${toFirst} are`} strongest to the word’s first token.`,
    };
  },
};

const attentionOverMlp: Claim = {
  id: "attention-share",
  says: "Next to the MLPs, attention writes most in the first layers, and less with depth.",
  criterion:
    "the mean ratio of norms, attention over MLP, is higher in the first half than in the second, and highest in the first third (in part: one of the two)",
  judge(of) {
    const result = resultOf(of, "component-norms");
    if (!result) return null;
    const layers = result.model.n_layers;
    const all = measuredBy(result, "mean_of_ratios");
    const peak = highest(all);
    const [first, second] = [between(all, layers, 0, 0.5), between(all, layers, 0.5, 1)];
    if (!peak || first.length === 0 || second.length === 0 || layers < 3) return null;
    const stronger = all.filter(({ mean }) => mean > 1).map(({ at }) => at);
    return {
      verdict: verdictOf(meanOf(first) > meanOf(second), depthOf(peak.at, layers) <= EARLY),
      short: `${measure(meanOf(first))} → ${measure(meanOf(second))}`,
      sentence:
        `What attention writes is ${measure(meanOf(first))} times as large as what the MLP writes over the first half, ${measure(meanOf(second))} times over the second; ` +
        `the ratio is highest in layer ${peak.at} (${measure(peak.mean)})` +
        `${stronger.length === 0 ? ", and nowhere above one" : stronger.length === all.length ? ", and above one in every layer" : `, and above one in ${layerList(stronger)} (${outOf(stronger.length, all.length)})`}.`,
    };
  },
};

export const STAGE_ONE_CLAIMS: readonly Claim[] = [locality, subjoinerHeads, attentionOverMlp];
