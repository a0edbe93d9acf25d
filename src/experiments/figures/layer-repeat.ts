/** What running a layer twice does to the predictions. */
import type { ExperimentResult } from "../result.ts";
import { layerAxis } from "./axes.ts";
import { BANDS, curvesPanel } from "./curves.ts";
import { AGREEMENT, DIVERGENCE, LOSS_CHANGE, lettered } from "./effects.ts";
import type { Figure } from "./figure.ts";
import { pointsOf, rowsOf } from "./rows.ts";
import { beside, compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

/** `times`: how often in all; 2 where the settings say nothing. */
function titleOf({ settings }: ExperimentResult): string {
  return typeof settings.times === "number" && settings.times !== 2
    ? `Running a layer ${settings.times} times`
    : "Running a layer twice";
}

const PANELS = [DIVERGENCE, AGREEMENT, LOSS_CHANGE];

export const layerRepeat: Figure = {
  draw(result) {
    const [divergence, ...others] = PANELS.map(({ statistic, title, axis, scale }, i) =>
      curvesPanel({
        title: lettered(i, title),
        x: layerAxis(result.model.n_layers, i === 0 ? {} : { most: 7 }),
        y: axis,
        scale,
        curves: [{ name: "repeat", color: COLOR.green, points: pointsOf(rowsOf(result.table, statistic), "layer") }],
        quartiles: i === 0,
        wide: i === 0,
        levels: scale === "linear" ? [{ value: 0, text: "" }] : [],
      }),
    );
    return compose({
      title: titleOf(result),
      notes: [madeFrom(result), BANDS],
      subject: subjectOf(result),
      panels: [divergence ?? null, beside(...others)],
    });
  },
  compared: (results) => ({
    title: results[0] ? titleOf(results[0]) : "",
    panels: PANELS.slice(0, 2).map(({ statistic, short, axis, scale }) => ({
      title: short,
      y: axis,
      scale,
      rows: ({ table }) => rowsOf(table, statistic),
    })),
  }),
};
