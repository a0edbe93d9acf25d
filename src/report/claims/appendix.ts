/** What the appendix says of each model: no claims of the paper, only what was found. */
import type { ExperimentResult } from "../../experiments/result.ts";
import { highest, lowest, type Measured, meanOf, measuredBy, measuredOne } from "../results/measured.ts";
import { resultOf } from "../results/outcome.ts";
import { listIn, numberIn } from "../results/summary.ts";
import { change, counted, grouped, listed, measure, percent, percentRange, withUnit } from "../text/numbers.ts";
import type { Remark } from "./claim.ts";
import { middleOf } from "./robustness.ts";

/** A head without which the predictions diverge by less is hardly missed, in nats. */
const HARDLY = 0.01;
/** Heads that are named. */
const NAMED = 3;

/** How alike neighbours are, and the two ends. */
export const similarity: Remark = (of) => {
  const result = resultOf(of, "cka");
  if (!result) return null;
  const last = result.model.n_layers - 1;
  const neighbours = Array.from({ length: last }, (_, layer) => pair(result, layer, layer + 1)).filter((each) => each !== null);
  const least = lowest(neighbours);
  const [ends, embedding] = [pair(result, 0, last), pair(result, -1, 0)];
  if (!least || !ends) return null;
  return (
    `The streams after neighbouring layers are alike with a CKA of ${measure(meanOf(neighbours))} on average, least between layers ${least.at} and ${least.at + 1} (${measure(least.mean)}); ` +
    `${embedding ? `the embedding and layer 0 have ${measure(embedding.mean)}, ` : ""}layers 0 and ${last} ${measure(ends.mean)}.`
  );
};

function pair(result: ExperimentResult, layer: number, other: number): Measured | null {
  const found = measuredOne(result, "cka", { layer, other_layer: other });
  return found && { ...found, at: layer };
}

/** Which layers turn the stream most and least, and which run of them could be left out first. */
export const importance: Remark = (of) => {
  const result = resultOf(of, "layer-importance");
  if (!result) return null;
  const influence = measuredBy(result, "block_influence", { n: 1, component: "block" });
  const [most, least] = [highest(influence), lowest(influence)];
  if (!most || !least) return null;
  const n = Math.max(1, Math.round(result.model.n_layers / 4));
  const run = listIn(result.summary, "least_angular_distance").find((each) => numberIn(each, "n") === n);
  const [start, distance] = [numberIn(run ?? null, "layer"), numberIn(run ?? null, "angular_distance")];
  const compare = (component: string) => meanOf(measuredBy(result, "block_influence", { n: 1, component }));
  return (
    `Layer ${most.at} turns the residual stream most (block influence ${measure(most.mean)}), layer ${least.at} least (${measure(least.mean)}); ` +
    `attention alone has ${measure(compare("attn"))} on average, the MLPs ${measure(compare("mlp"))}.` +
    (start === null || distance === null || n < 2
      ? ""
      : ` Of all runs of ${n} layers, ${start}–${start + n - 1} turn it least, by ${measure(distance)} of a half turn.`)
  );
};

/** Heads that are missed, and how many are not. */
export const heads: Remark = (of) => {
  const result = resultOf(of, "head-importance");
  if (!result) return null;
  const all = Array.from({ length: result.model.n_heads }, (_, head) =>
    measuredBy(result, "kl_nats", { head }).map((row) => ({ ...row, head })),
  )
    .flat()
    .sort((a, b) => b.mean - a.mean);
  if (all.length === 0) return null;
  const named = all.slice(0, NAMED).map(({ at, head, mean }) => `${at}.${head} (${withUnit(mean, "nats")})`);
  const few = all.filter(({ mean }) => mean < HARDLY).length;
  return (
    `Of ${grouped(all.length)} heads the most missed are ${listed(named)}; without any one of ${grouped(few)} others (${percent(few / all.length)}) ` +
    `the predictions diverge by less than ${HARDLY} nats.`
  );
};

/** Accuracy untouched, and what is left of it. */
export const accuracy: Remark = (of) => {
  const result = resultOf(of, "benchmark");
  if (!result) return null;
  const baseline = measuredOne(result, "accuracy", { operation: "baseline" });
  if (!baseline) return null;
  const perplexity = measuredOne(result, "perplexity", { operation: "baseline" });
  const task = result.settings.task === "last-word" ? "the last word" : "the right choice";
  const parts = (["delete", "swap", "repeat"] as const).flatMap((operation) => {
    const last = result.model.n_layers - (operation === "swap" ? 2 : 1);
    const middle = middleOf(measuredBy(result, "accuracy", { operation }), last);
    return middle.length === 0
      ? []
      : [`${percent(meanOf(middle))} with one ${{ delete: "deleted", swap: "swapped", repeat: "repeated" }[operation]}`];
  });
  const changes = measuredBy(result, "accuracy_change", { operation: "delete" });
  const sure = changes.filter(({ high }) => high < 0).length;
  return (
    `Untouched, it finds ${task} in ${percent(baseline.mean)} of ${counted(result.data?.texts ?? 0, "passage")}` +
    `${baseline.sem === null ? "" : ` (95 % interval ${percentRange(Math.max(0, baseline.low), Math.min(1, baseline.high))})`}` +
    `${perplexity ? `, with a perplexity of ${measure(perplexity.mean)}` : ""}` +
    `${parts.length > 0 ? `; over the middle layers ${listed(parts)}` : ""}` +
    `${changes.length > 0 ? `. Deleting costs accuracy beyond the interval in ${sure} of ${changes.length} layers` : ""}.`
  );
};

/** Where labelled spans are told best. */
export const spans: Remark = (of) => {
  const result = resultOf(of, "span-probe");
  if (!result) return null;
  const all = measuredBy(result, "accuracy");
  const [best, end] = [highest(all), all.at(-1)];
  if (!best || !end) return null;
  return (
    `Labels of spans are told best from ${best.at < 0 ? "the embedding" : `the stream after layer ${best.at}`}, with an accuracy of ${percent(best.mean)} ` +
    `(${percentRange(Math.max(0, best.low), Math.min(1, best.high))}); after the last layer ${percent(end.mean)} (${change(end.mean - best.mean)}).`
  );
};
