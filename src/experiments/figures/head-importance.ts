/** What silencing one attention head does to the predictions. */
import type { ExperimentResult, ResultRow } from "../result.ts";
import type { Figure } from "./figure.ts";
import { cellsOf, headName, headValues, strongest } from "./heads.ts";
import { heatMap } from "./heat-map.ts";
import { INTERVALS, intervalsPanel } from "./intervals.ts";
import { intervalOf, numberOf, rowsOf } from "./rows.ts";
import { compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR, WIDE } from "./theme.ts";

const TITLE = "Silencing single attention heads";
/** Heads that are named. */
const NAMED = 12;

/** One row a layer: the head whose absence is felt most. */
function strongestOfLayers({ table }: ExperimentResult): ResultRow[] {
  const most = new Map<number, ResultRow>();
  for (const row of rowsOf(table, "kl_nats")) {
    const layer = numberOf(row, "layer");
    const mean = numberOf(row, "mean");
    if (layer !== null && mean !== null && mean > (numberOf(most.get(layer) ?? {}, "mean") ?? -Infinity)) most.set(layer, row);
  }
  return [...most.values()];
}

export const headImportance: Figure = {
  draw(result) {
    const rows = rowsOf(result.table, "kl_nats");
    const values = headValues(rows);
    const first = strongest(values, NAMED);
    const series = { name: "KL", color: COLOR.vermilion };
    return compose({
      title: TITLE,
      notes: [
        madeFrom(result),
        `A head's z is set to ${result.settings.with === "zero" ? "zero" : "its mean over other texts"}. ${INTERVALS}`,
      ],
      subject: subjectOf(result),
      panels: [
        heatMap({
          title: "(a) Divergence from the untouched model's predictions",
          x: "layer",
          y: "head",
          color: "KL(p‖q) (nats)",
          cells: cellsOf(values),
          width: WIDE - 116,
          height: 220,
          scale: "log",
        }),
        intervalsPanel({
          title: `(b) The ${first.length} heads that are missed most`,
          x: "KL(p‖q) (nats)",
          scale: "positive",
          labels: first.map(headName),
          series: [series],
          intervals: first.flatMap(({ layer, head, value }) => {
            const row = rows.find((each) => each.layer === layer && each.head === head);
            return row ? [{ label: headName({ layer, head }), series: series.name, mean: value, ...intervalOf(row) }] : [];
          }),
          width: WIDE - 116,
        }),
      ],
    });
  },
  compared: () => ({
    title: TITLE,
    panels: [
      {
        title: "The head that is missed most, by layer",
        y: "KL(p‖q) (nats)",
        scale: "log",
        rows: strongestOfLayers,
      },
    ],
  }),
};
