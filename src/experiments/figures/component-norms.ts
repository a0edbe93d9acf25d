/** Figures 5 and 7: how much attention and MLP write into the residual stream. */
import type { ExperimentResult } from "../result.ts";
import { layerAxis } from "./axes.ts";
import { BANDS, type Curve, curvesPanel } from "./curves.ts";
import type { Figure } from "./figure.ts";
import { pointsOf, rowsOf } from "./rows.ts";
import { compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

const TITLE = "Norms of what the components write";

function curve({ table }: ExperimentResult, statistic: string, name: string, color: string): Curve {
  return { name, color, points: pointsOf(rowsOf(table, statistic), "layer") };
}

export const componentNorms: Figure = {
  draw(result) {
    const x = layerAxis(result.model.n_layers);
    return compose({
      title: TITLE,
      notes: [madeFrom(result), BANDS],
      subject: subjectOf(result),
      panels: [
        curvesPanel({
          title: "(a) Attention over MLP, ‖attn_out‖₂ / ‖mlp_out‖₂",
          x,
          y: "ratio of norms",
          scale: "log",
          curves: [
            curve(result, "mean_of_ratios", "mean of ratios", COLOR.purple),
            { ...curve(result, "ratio_of_means", "ratio of means", COLOR.black), dashed: true },
          ],
          levels: [{ value: 1, text: "equal" }],
          quartiles: true,
          legend: true,
          wide: true,
        }),
        curvesPanel({
          title: "(b) L2 norms",
          x,
          y: "norm",
          scale: "log",
          curves: [
            curve(result, "resid_post_norm", "residual stream after the layer", COLOR.grey),
            curve(result, "mlp_out_norm", "MLP output", COLOR.orange),
            curve(result, "attn_out_norm", "attention output", COLOR.blue),
          ],
          quartiles: true,
          legend: true,
          wide: true,
        }),
      ],
    });
  },
  compared: () => ({
    title: TITLE,
    panels: [
      ["mean_of_ratios", "Attention over MLP, mean of ratios", "ratio of norms"],
      ["mlp_out_norm", "MLP output", "L2 norm"],
      ["attn_out_norm", "Attention output", "L2 norm"],
      ["resid_post_norm", "Residual stream", "L2 norm"],
    ].map(([statistic = "", title = "", y = ""]) => ({ title, y, scale: "log", rows: ({ table }) => rowsOf(table, statistic) })),
  }),
};
