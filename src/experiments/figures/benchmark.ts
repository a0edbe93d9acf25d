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

function curvesOf({ table }: ExperimentResult): Curve[] {
  return OPERATIONS.map(({ operation, name, color }) => ({
    name,
    color,
    points: pointsOf(rowsOf(table, "accuracy", { operation }), "layer"),
  }));
}

function baselineOf({ table }: ExperimentResult): Level[] {
  const [row] = rowsOf(table, "accuracy", { operation: "baseline" });
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
          y: "accuracy",
          scale: "linear",
          curves: curvesOf(result),
          levels: baselineOf(result),
          legend: true,
          wide: true,
          height: 240,
        }),
      ],
    });
  },
  compared: () => ({
    title: TITLE,
    note: "dashed: the untouched models",
    panels: OPERATIONS.map(({ operation, name }) => ({
      title: name,
      y: "accuracy",
      scale: "linear",
      rows: ({ table }) => rowsOf(table, "accuracy", { operation }),
      across: (result) => baselineOf(result)[0]?.value ?? null,
    })),
  }),
};
