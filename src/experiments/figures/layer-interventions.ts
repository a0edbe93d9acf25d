/** Figure 3: what deleting a layer, or swapping it with the next one, does to the predictions. */
import type { ExperimentResult } from "../result.ts";
import { layerAxis } from "./axes.ts";
import { BANDS, type Curve, curvesPanel } from "./curves.ts";
import type { Figure } from "./figure.ts";
import { pointsOf, rowsOf } from "./rows.ts";
import { beside, compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

const TITLE = "Deleting and swapping layers";
const OPERATIONS = [
  { operation: "delete", name: "delete the layer", color: COLOR.vermilion },
  { operation: "swap", name: "swap it with the next", color: COLOR.blue },
] as const;

function curvesOf({ table }: ExperimentResult, statistic: string): Curve[] {
  return OPERATIONS.map(({ operation, name, color }) => ({
    name,
    color,
    points: pointsOf(rowsOf(table, statistic, { operation }), "layer"),
  }));
}

export const layerInterventions: Figure = {
  draw(result) {
    const { n_layers } = result.model;
    const difference = pointsOf(rowsOf(result.table, "kl_nats", { operation: "swap_minus_delete" }), "layer");
    return compose({
      title: TITLE,
      notes: [madeFrom(result), BANDS],
      subject: subjectOf(result),
      panels: [
        curvesPanel({
          title: "(a) Divergence from the untouched model's predictions",
          x: layerAxis(n_layers, { title: "layer (of a swap: the first of the two)" }),
          y: "KL(p‖q) (nats)",
          scale: "log",
          curves: curvesOf(result, "kl_nats"),
          quartiles: true,
          legend: true,
          wide: true,
        }),
        beside(
          curvesPanel({
            title: "(b) Top-1 predictions kept",
            x: layerAxis(n_layers, { most: 7 }),
            y: "share of predictions",
            scale: "share",
            curves: curvesOf(result, "top1_agreement"),
          }),
          curvesPanel({
            title: "(c) Swap minus delete, token by token",
            x: layerAxis(n_layers, { most: 7 }),
            y: "difference of KL (nats)",
            scale: "symmetric",
            curves: [{ name: "swap minus delete", color: COLOR.purple, points: difference }],
            levels: [{ value: 0, text: "" }],
            quartiles: true,
          }),
        ),
      ],
    });
  },
  compared: () => ({
    title: TITLE,
    panels: OPERATIONS.flatMap(({ operation }) => [
      {
        title: `${operation}: divergence`,
        y: "KL(p‖q) (nats)",
        scale: "log",
        rows: ({ table }) => rowsOf(table, "kl_nats", { operation }),
      },
      {
        title: `${operation}: top-1 predictions kept`,
        y: "share of predictions",
        scale: "share",
        rows: ({ table }) => rowsOf(table, "top1_agreement", { operation }),
      },
    ]),
  }),
};
