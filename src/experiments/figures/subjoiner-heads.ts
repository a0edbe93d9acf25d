/** Figure 9: heads that look from a word's last token back at its first ones. */
import type { ExperimentResult, ResultRow } from "../result.ts";
import type { Figure } from "./figure.ts";
import { cellsOf, headName, headValues, strongest } from "./heads.ts";
import { heatMap } from "./heat-map.ts";
import { INTERVALS, intervalsPanel } from "./intervals.ts";
import { intervalOf, isNumber, numberOf, rowsOf, valuesOf } from "./rows.ts";
import { compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR, SERIES_COLORS, WIDE } from "./theme.ts";

const TITLE = "Heads that join the tokens of a word";
const DIFFERENCE = "attention_difference";
/** Heads that are named. */
const NAMED = 8;

/** One row a layer: the largest total of its heads. */
function strongestOfLayers({ table }: ExperimentResult): ResultRow[] {
  const most = new Map<number, number>();
  for (const { layer, value } of headValues(rowsOf(table, DIFFERENCE)))
    most.set(layer, Math.max(value, most.get(layer) ?? value));
  return [...most].map(([layer, mean]) => ({ layer, mean }));
}

export const subjoinerHeads: Figure = {
  draw(result) {
    const rows = rowsOf(result.table, DIFFERENCE);
    const values = headValues(rows);
    const first = strongest(values, NAMED);
    const offsets = valuesOf(rows, "offset", isNumber).sort((a, b) => a - b);
    const series = offsets.map((offset, i) => ({
      name: `${offset} ${offset === 1 ? "token" : "tokens"} back`,
      color: SERIES_COLORS[i] ?? COLOR.grey,
    }));
    return compose({
      title: TITLE,
      notes: [
        madeFrom(result),
        "Attention from a word's last token to its own earlier ones, minus the same offsets in words of one token",
        INTERVALS,
      ],
      subject: subjectOf(result),
      panels: [
        heatMap({
          title: "(a) Difference, summed over the offsets",
          x: "layer",
          y: "head",
          color: "attention weight",
          cells: cellsOf(values),
          width: WIDE - 116,
          height: 220,
          scale: "diverging",
        }),
        intervalsPanel({
          title: `(b) The ${first.length} heads with the largest sum, by offset`,
          x: "difference of attention weights",
          scale: "linear",
          labels: first.map(headName),
          series,
          intervals: first.flatMap(({ layer, head }) =>
            rows.flatMap((row) => {
              const mean = numberOf(row, "mean");
              const name = series[offsets.indexOf(row.offset as number)]?.name;
              if (row.layer !== layer || row.head !== head || mean === null || name === undefined) return [];
              return [{ label: headName({ layer, head }), series: name, mean, ...intervalOf(row) }];
            }),
          ),
          width: WIDE - 116,
          legend: true,
          step: 26,
        }),
      ],
    });
  },
  compared: () => ({
    title: TITLE,
    panels: [
      {
        title: "The strongest head by layer",
        y: "difference of attention weights",
        scale: "linear",
        rows: strongestOfLayers,
      },
    ],
  }),
};
