/** Figure 4: how much attention goes to the previous k positions. */
import type { ExperimentResult } from "../result.ts";
import { DEPTH_AXIS } from "./axes.ts";
import { relativeDepth } from "./comparison.ts";
import { type Curve, curvesPanel, SEM_BANDS } from "./curves.ts";
import type { Figure } from "./figure.ts";
import { isNumber, numberOf, pointsOf, rowsOf, valuesOf } from "./rows.ts";
import { compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

const TITLE = "Attention to the previous tokens";
/** The authors' k. */
const USUAL_K = 5;

/** The k that the request names, else the authors', else the largest there is. */
function chosenK({ settings, table }: ExperimentResult): number {
  const present = valuesOf(table.rows, "k", isNumber);
  return present.find((k) => k === settings.k) ?? present.find((k) => k === USUAL_K) ?? Math.max(...present);
}

function meansOf(result: ExperimentResult, statistic: string) {
  return rowsOf(result.table, statistic, { k: chosenK(result), head: null });
}

function curveOf(result: ExperimentResult, statistic: string, name: string, color: string): Curve {
  return { name, color, points: pointsOf(meansOf(result, statistic), (row) => relativeDepth(row, result)) };
}

/** Every head of every layer. */
function headsOf(result: ExperimentResult): { x: number; y: number }[] {
  return rowsOf(result.table, "per_cell", { k: chosenK(result) }).flatMap((row) => {
    const [x, y] = [relativeDepth(row, result), numberOf(row, "mean")];
    return numberOf(row, "head") === null || x === null || y === null ? [] : [{ x, y }];
  });
}

export const attentionLocality: Figure = {
  draw(result) {
    const k = chosenK(result);
    return compose({
      title: `${TITLE}, k = ${k}`,
      notes: [madeFrom(result), `${SEM_BANDS}; strokes: single heads`],
      subject: subjectOf(result),
      panels: [
        curvesPanel({
          title: `(a) Mean over the cells (query, query − 1 … query − ${k})`,
          x: DEPTH_AXIS,
          y: "attention weight per cell",
          scale: "positive",
          curves: [curveOf(result, "per_cell", "mean over heads", COLOR.blue)],
          strokes: headsOf(result),
          wide: true,
          height: 210,
        }),
        curvesPanel({
          title: `(b) Sum over the previous ${k} positions, mean over queries and heads`,
          x: DEPTH_AXIS,
          y: "attention weight",
          scale: "positive",
          curves: [
            curveOf(result, "total", "all keys", COLOR.blue),
            curveOf(result, "total_without_bos", "without the first position", COLOR.orange),
          ],
          legend: true,
          wide: true,
          height: 150,
        }),
      ],
    });
  },
  compared: () => ({
    title: TITLE,
    panels: [
      {
        title: "Mean per cell",
        y: "attention weight per cell",
        scale: "positive",
        rows: (result) => meansOf(result, "per_cell"),
      },
      {
        title: "Sum over the previous k",
        y: "attention weight",
        scale: "positive",
        rows: (result) => meansOf(result, "total"),
      },
    ],
  }),
};
