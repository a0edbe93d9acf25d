/** How well a linear probe of each layer's residual stream tells the labels of spans. */
import { layerAxis } from "./axes.ts";
import { curvesPanel, SEM_BANDS } from "./curves.ts";
import type { Figure } from "./figure.ts";
import { isNumber, pointsOf, rowsOf, valuesOf } from "./rows.ts";
import { compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

const TITLE = "Probes of labelled spans";
const AXIS = "accuracy, cross-validated";

export const spanProbe: Figure = {
  draw(result) {
    const embedding = valuesOf(result.table.rows, "layer", isNumber).includes(-1);
    return compose({
      title: TITLE,
      notes: [madeFrom(result), SEM_BANDS],
      subject: subjectOf(result),
      panels: [
        curvesPanel({
          title: "Logistic regression on the residual stream at the span's last token",
          x: layerAxis(result.model.n_layers, { embedding, title: embedding ? "after layer (emb.: the embedding)" : "layer" }),
          y: AXIS,
          scale: "fit",
          curves: [{ name: "accuracy", color: COLOR.blue, points: pointsOf(rowsOf(result.table, "accuracy"), "layer") }],
          wide: true,
          height: 220,
        }),
      ],
    });
  },
  compared: () => ({
    title: TITLE,
    panels: [
      {
        title: "Accuracy by layer",
        y: AXIS,
        scale: "fit",
        rows: ({ table }) => rowsOf(table, "accuracy").filter((row) => row.layer !== -1),
      },
    ],
  }),
};
