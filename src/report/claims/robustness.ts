/** Figure 3: deleting and swapping layers. */
import type { ExperimentResult } from "../../experiments/result.ts";
import { highest, type Measured, meanOf, measuredBy, medianOf } from "../results/measured.ts";
import { resultOf } from "../results/outcome.ts";
import { layerList, measure, outOf, percent, percentRange, withUnit } from "../text/numbers.ts";
import { type Claim, verdictOf } from "./claim.ts";

/** The paper's range over its models. */
const KEPT = { least: 0.72, most: 0.95 } as const;
/** Of the layers: a result that holds in so many of them is said to hold. */
const MOST_LAYERS = 2 / 3;

/** Layers but the first and the last; of swaps, pairs that take neither. */
export function middleOf(all: readonly Measured[], last: number): Measured[] {
  return all.filter(({ at }) => at > 0 && at < last);
}

/** Of an operation: all layers, those of the middle, and the last. */
export function effects(result: ExperimentResult, operation: "delete" | "swap", statistic: string) {
  const all = measuredBy(result, statistic, { operation });
  const last = result.model.n_layers - (operation === "delete" ? 1 : 2);
  return { all, middle: middleOf(all, last), last };
}

const keptPredictions: Claim = {
  id: "kept",
  says: "Without a middle layer, or with two neighbours swapped, 72–95 % of the top predictions stay the same.",
  criterion: "the mean over the middle layers is at least 72 %, of deletions and of swaps (in part: of one of them)",
  judge(of) {
    const result = resultOf(of, "layer-interventions");
    if (!result) return null;
    const [deleted, swapped] = (["delete", "swap"] as const).map(
      (operation) => effects(result, operation, "top1_agreement").middle,
    );
    if (!deleted?.length || !swapped?.length) return null;
    const enough = (layers: readonly Measured[]) => meanOf(layers) >= KEPT.least;
    const below = deleted.filter(({ mean }) => mean < KEPT.least).map(({ at }) => at);
    const spread = (layers: readonly Measured[]) => percentRange(Math.min(...means(layers)), Math.max(...means(layers)));
    return {
      verdict: verdictOf(enough(deleted), enough(swapped)),
      short: `${percent(meanOf(deleted))} deleted, ${percent(meanOf(swapped))} swapped`,
      sentence:
        `Deleting one middle layer keeps ${spread(deleted)} of the top predictions (${percent(meanOf(deleted))} on average), ` +
        `swapping two neighbours ${spread(swapped)} (${percent(meanOf(swapped))}). The paper reports 72–95 % over its models.` +
        (below.length > 0 ? ` Without ${layerList(below)} it is less than 72 %.` : ""),
    };
  },
};

const firstLayer: Claim = {
  id: "first-layer",
  says: "Without the first layer the model is lost.",
  criterion: "of all deletions that of layer 0 diverges most, its 95 % interval above all others (in part: the means alone)",
  judge(of) {
    const result = resultOf(of, "layer-interventions");
    if (!result) return null;
    const { all, middle } = effects(result, "delete", "kl_nats");
    const first = all.find(({ at }) => at === 0);
    const others = all.filter(({ at }) => at > 0);
    if (!first || middle.length === 0) return null;
    const next = highest(others) as Measured;
    const kept = effects(result, "delete", "top1_agreement").all.find(({ at }) => at === 0);
    const factor = first.mean / medianOf(middle);
    return {
      verdict: verdictOf(
        first.mean > next.mean,
        others.every(({ high }) => first.low > high),
      ),
      short: `${withUnit(first.mean, "nats")}, ${measure(factor)} × the middle`,
      sentence:
        `Without layer 0 the predictions diverge by ${withUnit(first.mean, "nats")}, ${measure(factor)} times the median of the middle layers` +
        `${kept ? `, and ${percent(kept.mean)} of the top predictions are left` : ""}` +
        `${first.mean > next.mean ? "" : `; deleting layer ${next.at} does more, ${withUnit(next.mean, "nats")}`}.`,
    };
  },
};

const lastLayer: Claim = {
  id: "last-layer",
  says: "The last layer matters more than those in the middle.",
  criterion: "deleting it diverges more than the median middle layer, its 95 % interval too (in part: the mean alone)",
  judge(of) {
    const result = resultOf(of, "layer-interventions");
    if (!result) return null;
    const { all, middle, last } = effects(result, "delete", "kl_nats");
    const end = all.find(({ at }) => at === last);
    if (!end || middle.length === 0) return null;
    const median = medianOf(middle);
    const kept = effects(result, "delete", "top1_agreement").all.find(({ at }) => at === last);
    const factor = end.mean / median;
    return {
      verdict: verdictOf(end.mean > median, end.low > median),
      short: `${withUnit(end.mean, "nats")}, ${measure(factor)} × the middle`,
      sentence:
        `Without layer ${last} the predictions diverge by ${withUnit(end.mean, "nats")}, ${measure(factor)} times the median of the middle layers` +
        `${kept ? `, and ${percent(kept.mean)} of the top predictions are left` : ""}` +
        `${end.mean > median ? "" : ": no more than without a layer of the middle"}.`,
    };
  },
};

const swapsHurtLess: Claim = {
  id: "swap-below-delete",
  says: "Swapping neighbours does less than deleting a layer.",
  criterion:
    "the difference swap − delete, token by token, is below zero with its 95 % interval in two thirds of the layers (in part: in more layers below than above)",
  judge(of) {
    const result = resultOf(of, "layer-interventions");
    if (!result) return null;
    const differences = measuredBy(result, "kl_nats", { operation: "swap_minus_delete" });
    if (differences.length === 0) return null;
    const below = differences.filter(({ high }) => high < 0);
    const above = differences.filter(({ low }) => low > 0);
    const all = differences.length;
    const neither = all - below.length - above.length;
    return {
      verdict: verdictOf(below.length > above.length, below.length >= MOST_LAYERS * all),
      short: `${outOf(below.length, all)} layers less, ${above.length} more`,
      sentence:
        `Token by token, swapping a layer with the next one diverges less than deleting it in ${outOf(below.length, all)} layers, ` +
        `more in ${above.length}${above.length > 0 && above.length <= all / 2 ? ` (${layerList(above.map(({ at }) => at))})` : ""}` +
        `${neither > 0 ? `; in ${neither} the intervals do not tell` : ""}.`,
    };
  },
};

export function means(all: readonly Measured[]): number[] {
  return all.map(({ mean }) => mean);
}

export const ROBUSTNESS_CLAIMS: readonly Claim[] = [keptPredictions, firstLayer, lastLayer, swapsHurtLess];
