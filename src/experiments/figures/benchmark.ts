/** Accuracy on a task when one layer is deleted, swapped or repeated. */
import type { ExperimentResult } from "../result.ts";
import { layerAxis } from "./axes.ts";
import { type Curve, curvesPanel, type Level, SEM_BANDS } from "./curves.ts";
import type { Figure } from "./figure.ts";
import { numberOf, pointsOf, rowsOf } from "./rows.ts";
import { compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

const TITLE = "Accuracy with one layer changed";
const OPERATIONS = [
  { operation: "delete", name: "delete", color: COLOR.vermilion },
  { operation: "swap", name: "swap with the next", color: COLOR.blue },
  { operation: "repeat", name: "repeat", color: COLOR.green },
] as const;

/** By length-normalised likelihood where the result has it: choices of a question differ in length. */
const NORMALISED = "acc_norm";

function accuracyOf({ table }: ExperimentResult): string {
  return rowsOf(table, NORMALISED).length > 0 ? NORMALISED : "accuracy";
}

function axisOf(result: ExperimentResult): string {
  return accuracyOf(result) === NORMALISED ? "accuracy by likelihood per character (acc_norm)" : "accuracy";
}

function curvesOf(result: ExperimentResult): Curve[] {
  return OPERATIONS.map(({ operation, name, color }) => ({
    name,
    color,
    points: pointsOf(rowsOf(result.table, accuracyOf(result), { operation }), "layer"),
  }));
}

function baselineOf(result: ExperimentResult): Level[] {
  const [row] = rowsOf(result.table, accuracyOf(result), { operation: "baseline" });
  const value = row ? numberOf(row, "mean") : null;
  return value === null ? [] : [{ value, text: "untouched model" }];
}

export const benchmark: Figure = {
  draw(result) {
    return compose({
      title: TITLE,
      notes: [madeFrom(result), SEM_BANDS],
      subject: subjectOf(result),
      panels: [
        curvesPanel({
          title: "",
          x: layerAxis(result.model.n_layers, { title: "layer (of a swap: the first of the two)" }),
          y: axisOf(result),
          scale: "positive",
          curves: curvesOf(result),
          levels: baselineOf(result),
          legend: true,
          wide: true,
          height: 240,
        }),
      ],
    });
  },
  compared: ([first]) => ({
    title: TITLE,
    note: "dashed: the untouched models",
    panels: OPERATIONS.map(({ operation, name }) => ({
      title: name,
      y: first ? axisOf(first) : "",
      scale: "positive",
      rows: (result) => rowsOf(result.table, accuracyOf(result), { operation }),
      across: (result) => baselineOf(result)[0]?.value ?? null,
    })),
  }),
};
