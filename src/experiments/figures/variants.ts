/** What the variants that the user named do to the predictions. */
import type { ExperimentResult } from "../result.ts";
import { AGREEMENT, DIVERGENCE, ENTROPY_CHANGE, LOSS_CHANGE, lettered } from "./effects.ts";
import type { Figure } from "./figure.ts";
import { INTERVALS, intervalsPanel } from "./intervals.ts";
import { intervalOf, isString, numberOf, rowsOf, valuesOf } from "./rows.ts";
import { beside, compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

/** More lines than this make no figure. */
const MOST = 40;
const PANELS = [DIVERGENCE, AGREEMENT, ENTROPY_CHANGE, LOSS_CHANGE];
const SERIES = { name: "variant", color: COLOR.blue };

/** In the request's order; of many, those that diverge most. */
function shownOf({ table }: ExperimentResult, all: readonly string[]): string[] {
  if (all.length <= MOST) return [...all];
  const divergence = new Map(rowsOf(table, DIVERGENCE.statistic).map((row) => [row.variant, numberOf(row, "mean") ?? 0]));
  const size = (variant: string) => divergence.get(variant) ?? 0;
  return [...all].sort((a, b) => size(b) - size(a)).slice(0, MOST);
}

export const variants: Figure = {
  draw(result) {
    const all = valuesOf(result.table.rows, "variant", isString);
    const shown = shownOf(result, all);
    const left = all.length - shown.length;
    const panels = PANELS.map(({ statistic, short, axis, scale }, i) =>
      intervalsPanel({
        title: lettered(i, short),
        x: axis,
        scale,
        labels: shown,
        series: [SERIES],
        intervals: rowsOf(result.table, statistic).flatMap((row) => {
          const mean = numberOf(row, "mean");
          const { variant } = row;
          if (mean === null || !isString(variant ?? null) || !shown.includes(variant as string)) return [];
          return [{ label: variant as string, series: SERIES.name, mean, ...intervalOf(row) }];
        }),
        width: 184,
        labelled: i % 2 === 0,
        quartiles: i === 0,
        step: shown.length > 20 ? 14 : 18,
      }),
    );
    return compose({
      title: "Variants against the untouched model",
      notes: [madeFrom(result), `${INTERVALS}; bars in (a): quartiles${left > 0 ? `; the ${left} others diverge less` : ""}`],
      subject: subjectOf(result),
      panels: [beside(panels[0] ?? null, panels[1] ?? null), beside(panels[2] ?? null, panels[3] ?? null)],
    });
  },
};
