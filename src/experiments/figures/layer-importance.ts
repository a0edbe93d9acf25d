/** How much a layer, or n of them, turn the residual stream. */
import type { ExperimentResult, ResultRow } from "../result.ts";
import { layerAxis } from "./axes.ts";
import { type Curve, curvesPanel } from "./curves.ts";
import type { Figure } from "./figure.ts";
import { type HeatCell, heatMap } from "./heat-map.ts";
import { decimals, numberOf, pointsOf, rowsOf } from "./rows.ts";
import { compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR, WIDE } from "./theme.ts";

const TITLE = "Importance of layers";

/** Rows of whole blocks name no component, or `block`. */
function influence({ table }: ExperimentResult, component: "block" | "attn" | "mlp"): ResultRow[] {
  return rowsOf(table, "block_influence").filter((row) => (row.component ?? "block") === component);
}

function curve(result: ExperimentResult, component: "block" | "attn" | "mlp", name: string, color: string): Curve {
  return { name, color, points: pointsOf(influence(result, component), "layer") };
}

function distances({ table }: ExperimentResult): HeatCell[] {
  return rowsOf(table, "angular_distance").flatMap((row) => {
    const [x, y, value] = [numberOf(row, "layer"), numberOf(row, "n"), numberOf(row, "mean")];
    const whole = (row.component ?? "block") === "block";
    return !whole || x === null || y === null ? [] : [{ x, y, value: decimals(value, 4) }];
  });
}

/** For every n, where n layers turn the stream least: those that can be left out first (Gromov et al.). */
function leastOfEach(cells: readonly HeatCell[]): { x: number; y: number }[] {
  const least = new Map<number, HeatCell>();
  for (const cell of cells) {
    if (cell.value !== null && cell.value < (least.get(cell.y)?.value ?? Infinity)) least.set(cell.y, cell);
  }
  return [...least.values()].map(({ x, y }) => ({ x, y }));
}

export const layerImportance: Figure = {
  draw(result) {
    const { n_layers } = result.model;
    const cells = distances(result);
    return compose({
      title: TITLE,
      notes: [madeFrom(result), "Whiskers and bands: ± 1.96 standard errors; dots in (c): the least distance for each n"],
      subject: subjectOf(result),
      panels: [
        curvesPanel({
          title: "(a) Influence of the layer, 1 − mean cosine of the stream before and after",
          x: layerAxis(n_layers),
          y: "1 − cos",
          scale: "positive",
          bars: curve(result, "block", "whole layer", "#9fb0bf"),
          curves: [],
          wide: true,
          height: 110,
        }),
        curvesPanel({
          title: "(b) The same on a logarithmic scale, and of the components alone",
          x: layerAxis(n_layers),
          y: "1 − cos",
          scale: "log",
          curves: [
            curve(result, "block", "whole layer", COLOR.grey),
            curve(result, "attn", "attention alone", COLOR.blue),
            curve(result, "mlp", "MLP alone", COLOR.orange),
          ],
          legend: true,
          wide: true,
          height: 150,
        }),
        heatMap({
          title: "(c) Angular distance over n layers, last token",
          x: "first layer",
          y: "n",
          color: "arccos(cos) / π",
          cells,
          marked: leastOfEach(cells),
          width: WIDE - 80,
          height: 260,
          scale: "linear",
          up: true,
        }),
      ],
    });
  },
  compared: () => ({
    title: TITLE,
    panels: (["block", "attn", "mlp"] as const).map((component, i) => ({
      title: `Influence of ${["the whole layer", "attention alone", "the MLP alone"][i]}`,
      y: "1 − cos",
      scale: "log",
      rows: (result) => influence(result, component),
    })),
  }),
};
