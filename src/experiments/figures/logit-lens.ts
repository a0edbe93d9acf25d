/** Figures 6 (left) and 8: what every layer would predict, against the end and by itself. */
import type { ExperimentResult, ResultRow } from "../result.ts";
import { DEPTH_AXIS, layerAxis } from "./axes.ts";
import { BANDS, curvesPanel } from "./curves.ts";
import type { Figure } from "./figure.ts";
import { numberOf, pointsOf, rowsOf } from "./rows.ts";
import { compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

const TITLE = "Logit lens";

/** Blocks run / L: 0 is the embedding, 1 the model's output. */
function shareRun(row: ResultRow, { model }: ExperimentResult): number | null {
  const layer = numberOf(row, "layer");
  return layer === null ? null : (layer + 1) / model.n_layers;
}

export const logitLens: Figure = {
  draw(result) {
    const x = layerAxis(result.model.n_layers, { embedding: true, title: "after layer (emb.: the embedding)" });
    const { lens } = result.settings;
    return compose({
      title: typeof lens === "string" ? `${TITLE} (${lens})` : TITLE,
      notes: [madeFrom(result), BANDS],
      subject: subjectOf(result),
      panels: [
        curvesPanel({
          title: "(a) Divergence of the layer's prediction from the final one",
          x,
          y: "KL(final‖layer) (nats)",
          scale: "positive",
          curves: [{ name: "KL", color: COLOR.blue, points: pointsOf(rowsOf(result.table, "kl_final_nats"), "layer") }],
          quartiles: true,
          wide: true,
        }),
        curvesPanel({
          title: "(b) Entropy of the layer's prediction",
          x,
          y: "entropy (bits)",
          scale: "positive",
          curves: [{ name: "entropy", color: COLOR.green, points: pointsOf(rowsOf(result.table, "entropy_bits"), "layer") }],
          quartiles: true,
          wide: true,
        }),
      ],
    });
  },
  compared: () => ({
    title: TITLE,
    panels: [
      ["kl_final_nats", "Divergence from the final prediction", "KL(final‖layer) (nats)"],
      ["entropy_bits", "Entropy", "entropy (bits)"],
    ].map(([statistic = "", title = "", y = ""]) => ({
      title,
      y,
      scale: "positive",
      rows: ({ table }) => rowsOf(table, statistic),
      x: { ...DEPTH_AXIS, title: "share of the layers run" },
      at: shareRun,
    })),
  }),
};
