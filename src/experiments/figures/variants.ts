/** What the variants that the user named do to the predictions. */
import type { ExperimentResult } from "../result.ts";
import { AGREEMENT, DIVERGENCE, ENTROPY_CHANGE, LOSS_CHANGE, lettered } from "./effects.ts";
import type { Figure } from "./figure.ts";
import { INTERVALS, type Interval, intervalsPanel } from "./intervals.ts";
import { intervalOf, isString, numberOf, rowsOf, valuesOf } from "./rows.ts";
import { beside, compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

/** More lines than this make no figure. */
const MOST = 40;
const PANELS = [DIVERGENCE, AGREEMENT, ENTROPY_CHANGE, LOSS_CHANGE];
const SERIES = { name: "variant", color: COLOR.blue };

/** Rows that are paired differences of two variants, token by token: their names, and how people write them. */
function pairsOf({ settings }: ExperimentResult): { name: string; label: string }[] {
  if (!Array.isArray(settings.pairs)) return [];
  return settings.pairs.map(([a, b]: readonly unknown[]) => ({ name: `${a}_minus_${b}`, label: `${a} − ${b}` }));
}

/** In the request's order; of many, those that diverge most. */
function shownOf({ table }: ExperimentResult, all: readonly string[]): string[] {
  if (all.length <= MOST) return [...all];
  const divergence = new Map(rowsOf(table, DIVERGENCE.statistic).map((row) => [row.variant, numberOf(row, "mean") ?? 0]));
  const size = (variant: string) => divergence.get(variant) ?? 0;
  return [...all].sort((a, b) => size(b) - size(a)).slice(0, MOST);
}

/** A dot for every name that has the statistic. */
function intervalsOf(
  { table }: ExperimentResult,
  statistic: string,
  names: readonly { readonly name: string; readonly label: string }[],
): Interval[] {
  const rows = new Map(rowsOf(table, statistic).map((row) => [row.variant, row]));
  return names.flatMap(({ name, label }) => {
    const row = rows.get(name);
    const mean = row ? numberOf(row, "mean") : null;
    return row && mean !== null ? [{ label, series: SERIES.name, mean, ...intervalOf(row) }] : [];
  });
}

export const variants: Figure = {
  draw(result) {
    const pairs = pairsOf(result);
    const paired = pairs.slice(0, MOST);
    const all = valuesOf(result.table.rows, "variant", isString).filter((name) => !pairs.some((pair) => pair.name === name));
    const shown = shownOf(result, all);
    const left = all.length - shown.length;
    const panels = PANELS.map(({ statistic, short, axis, scale }, i) =>
      intervalsPanel({
        title: lettered(i, short),
        x: axis,
        scale,
        labels: shown,
        series: [SERIES],
        intervals: intervalsOf(
          result,
          statistic,
          shown.map((name) => ({ name, label: name })),
        ),
        width: 184,
        labelled: i % 2 === 0,
        quartiles: i === 0,
        step: shown.length > 20 ? 14 : 18,
      }),
    );
    const differences = [DIVERGENCE, AGREEMENT].map(({ statistic, short, axis }, i) =>
      intervalsPanel({
        title: lettered(PANELS.length + i, `${short}, paired`),
        x: `difference of ${axis}`,
        scale: "linear",
        labels: paired.map(({ label }) => label),
        series: [{ ...SERIES, color: COLOR.purple }],
        intervals: intervalsOf(result, statistic, paired),
        width: 184,
        labelled: i === 0,
      }),
    );
    return compose({
      title: "Variants against the untouched model",
      notes: [madeFrom(result), `${INTERVALS}; bars in (a): quartiles${left > 0 ? `; the ${left} others diverge less` : ""}`],
      subject: subjectOf(result),
      panels: [
        beside(panels[0] ?? null, panels[1] ?? null),
        beside(panels[2] ?? null, panels[3] ?? null),
        beside(...differences),
      ],
    });
  },
};
