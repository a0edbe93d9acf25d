/** Table 1: every signal over the depth, and where the depth divides into stages, if it does. */
import type { ExperimentResult } from "../result.ts";
import { layerAxis } from "./axes.ts";
import { curvesPanel, SEM_BANDS } from "./curves.ts";
import type { Figure } from "./figure.ts";
import { isString, pointsOf, rowsOf, valuesOf } from "./rows.ts";
import { type Segmentation, segmentationOf } from "./segmentation.ts";
import { titleOf, unitOf } from "./signals.ts";
import { beside, compose, madeFrom, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

const TITLE = "Stages of inference";

function signalsOf({ table }: ExperimentResult): string[] {
  return valuesOf(table.rows, "statistic", isString);
}

function verdict(segmentation: Segmentation | null): string[] {
  if (!segmentation) return [];
  const { supported, p_value, explained } = segmentation;
  const test = p_value === null ? "" : ` (permutation test, p = ${Number(p_value.toPrecision(2))})`;
  if (!supported) return [`A division into four stages is not supported${test}: no boundaries are drawn`];
  const share = explained === null ? "" : `, which explain ${Math.round(100 * explained)} % of the signals' variance`;
  return [`Four stages${share}${test}; dashed lines: boundaries; grey: their 95 % bootstrap intervals`];
}

export const stages: Figure = {
  draw(result) {
    const segmentation = segmentationOf(result.summary);
    const boundaries = segmentation?.supported ? segmentation.boundaries : [];
    const signals = signalsOf(result);
    const panels = signals.map((signal, i) =>
      curvesPanel({
        title: titleOf(signal),
        x: layerAxis(result.model.n_layers, { most: 7, title: i < signals.length - 2 ? "" : "layer" }),
        y: unitOf(signal),
        scale: "linear",
        curves: [{ name: signal, color: COLOR.blue, points: pointsOf(rowsOf(result.table, signal), "layer") }],
        boundaries,
        height: 84,
      }),
    );
    const drawn = panels.filter((panel) => panel !== null);
    return compose({
      title: TITLE,
      notes: [madeFrom(result), ...verdict(segmentation), SEM_BANDS],
      subject: subjectOf(result),
      panels: Array.from({ length: Math.ceil(drawn.length / 2) }, (_, i) => beside(...drawn.slice(2 * i, 2 * i + 2))),
    });
  },
  compared: (results) => ({
    title: TITLE,
    panels: [...new Set(results.flatMap(signalsOf))].map((signal) => ({
      title: titleOf(signal),
      y: unitOf(signal),
      scale: "linear",
      rows: ({ table }) => rowsOf(table, signal),
      height: 84,
    })),
  }),
};
