/** The small tables of the sections. */

import { middleOf } from "../claims/robustness.ts";
import { SCHEDULES, schedulesOfHalf } from "../claims/schedules.ts";
import { rankedHeads } from "../claims/stage-one.ts";
import { countsOf, sumOf } from "../claims/stage-three.ts";
import type { Html, Piece } from "../page/html.ts";
import { inlineTable, plainRows, type RowGroup } from "../page/inline-tables.ts";
import { type Measured, meanOf, measuredBy, measuredOne } from "../results/measured.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { estimate, grouped, measure, percent, percentRange } from "../text/numbers.ts";

const NUMBER = { number: true } as const;
/** Heads of each model that are named. */
const HEADS = 5;

/** What is left without, or with, each of the first, middle and last layers. */
export function robustnessTable(models: readonly ModelOutcomes[]): Html | null {
  const groups = models.flatMap((of): RowGroup[] => {
    const result = resultOf(of, "layer-interventions");
    if (!result) return [];
    const rows = (["delete", "swap"] as const).flatMap((operation): Piece[][] => {
      const last = result.model.n_layers - (operation === "delete" ? 1 : 2);
      const kept = measuredBy(result, "top1_agreement", { operation });
      const divergence = measuredBy(result, "kl_nats", { operation });
      const at = (all: readonly Measured[], layer: number) => all.find((each) => each.at === layer)?.mean ?? Number.NaN;
      const middle = middleOf(kept, last);
      if (middle.length === 0) return [];
      const shares = middle.map(({ mean }) => mean);
      return [
        [
          operation,
          percent(at(kept, 0)),
          `${percent(meanOf(middle))} (${percentRange(Math.min(...shares), Math.max(...shares))})`,
          percent(at(kept, last)),
          measure(at(divergence, 0)),
          measure(meanOf(middleOf(divergence, last))),
          measure(at(divergence, last)),
        ],
      ];
    });
    return [{ title: models.length > 1 ? of.model.id : null, rows }];
  });
  return inlineTable({
    wide: true,
    caption:
      "Top predictions kept, and KL(p‖q) in nats. Of swaps, first and last are the pairs with the first and the last layer. Middle: the mean over all others, and their range.",
    columns: [
      { name: "" },
      { name: "kept: first", ...NUMBER },
      { name: "middle", ...NUMBER },
      { name: "last", ...NUMBER },
      { name: "KL: first", ...NUMBER },
      { name: "middle", ...NUMBER },
      { name: "last", ...NUMBER },
    ],
    groups,
  });
}

/** The middle half run in other ways: a row a schedule, a column a model. */
export function scheduleTable(models: readonly ModelOutcomes[]): Html | null {
  const found = models.flatMap((of) => {
    const result = resultOf(of, "layer-schedules");
    const half = result && schedulesOfHalf(result);
    return result && half ? [{ id: of.model.id, result, half }] : [];
  });
  const [first] = found;
  if (!first) return null;
  const operations = first.half.effects.map(({ operation }) => operation);
  return inlineTable({
    wide: true,
    caption: "About half of the layers, those of the middle, run in other ways: KL(p‖q) in nats, and top predictions kept.",
    columns: [
      { name: "the middle is" },
      ...found.map(({ id, half }) => ({ name: `${id}, layers ${half.start + 1}–${half.start + half.middle}`, ...NUMBER })),
    ],
    groups: plainRows(
      operations.map((operation) => [
        SCHEDULES[operation],
        ...found.map(({ result, half }) => {
          const divergence = half.effects.find((each) => each.operation === operation);
          const kept = measuredBy(result, "top1_agreement", { operation }, "start").find(({ at }) => at === half.start);
          return divergence && kept ? `${measure(divergence.mean)} (${percent(kept.mean)})` : "–";
        }),
      ]),
    ),
  });
}

/** The heads that look back most. */
export function headTable(models: readonly ModelOutcomes[]): Html | null {
  return inlineTable({
    caption:
      "Heads that look back most from a word’s last token: attention to its earlier tokens, minus the same offsets in words of one token, with 95 % intervals.",
    columns: [{ name: "head" }, { name: "difference", ...NUMBER }, { name: "strongest to" }],
    groups: models.flatMap((of): RowGroup[] => {
      const result = resultOf(of, "subjoiner-heads");
      if (!result) return [];
      const rows = rankedHeads(result)
        .slice(0, HEADS)
        .map(({ layer, head, difference, sem, strongestToFirst }) => [
          `layer ${layer}, head ${head}`,
          estimate(difference, sem),
          strongestToFirst ? "the first token" : "a later one",
        ]);
      return [{ title: `${of.model.id}, words of ${String(result.settings.tokens_per_word)} tokens`, rows }];
    }),
  });
}

/** Neurons by class. */
export function censusTable(models: readonly ModelOutcomes[]): Html | null {
  return inlineTable({
    wide: true,
    caption: "Neurons of all layers by what they write towards the vocabulary.",
    columns: [
      { name: "model" },
      { name: "neurons", ...NUMBER },
      { name: "prediction", ...NUMBER },
      { name: "suppression", ...NUMBER },
      { name: "signs" },
      { name: "weights" },
    ],
    groups: plainRows(
      models.flatMap((of) => {
        const result = resultOf(of, "neuron-census");
        if (!result) return [];
        const total = (name: "prediction" | "suppression") => {
          const counts = countsOf(result, name);
          return counts ? grouped(sumOf(counts)) : "–";
        };
        const both = countsOf(result, "prediction_or_suppression");
        const { n_layers, d_mlp } = result.model;
        const signs =
          { stored: "of the weights", measured: "measured on the texts" }[String(result.summary.signs)] ?? "not known";
        return [
          [
            of.model.id,
            grouped(n_layers * d_mlp),
            both ? `${grouped(sumOf(both))} of either` : total("prediction"),
            both ? "" : total("suppression"),
            signs,
            String(result.settings.weights),
          ],
        ];
      }),
    ),
  });
}

/** Accuracy untouched and with a layer of the middle changed. */
export function accuracyTable(models: readonly ModelOutcomes[]): Html | null {
  return inlineTable({
    wide: true,
    caption:
      "Accuracy on the benchmark, with 95 % intervals where the model is untouched; otherwise the mean over the middle layers.",
    columns: [
      { name: "model" },
      { name: "passages", ...NUMBER },
      { name: "untouched", ...NUMBER },
      { name: "one deleted", ...NUMBER },
      { name: "swapped", ...NUMBER },
      { name: "repeated", ...NUMBER },
    ],
    groups: plainRows(
      models.flatMap((of) => {
        const result = resultOf(of, "benchmark");
        const baseline = result && measuredOne(result, "accuracy", { operation: "baseline" });
        if (!result || !baseline) return [];
        const changed = (["delete", "swap", "repeat"] as const).map((operation) => {
          const last = result.model.n_layers - (operation === "swap" ? 2 : 1);
          const middle = middleOf(measuredBy(result, "accuracy", { operation }), last);
          return middle.length > 0 ? percent(meanOf(middle)) : "–";
        });
        const interval = baseline.sem === null ? "" : ` (${percentRange(Math.max(0, baseline.low), Math.min(1, baseline.high))})`;
        return [[of.model.id, grouped(result.data?.texts ?? 0), `${percent(baseline.mean)}${interval}`, ...changed]];
      }),
    ),
  });
}
