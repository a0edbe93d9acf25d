/** Figure 10: how well neurons tell that the next token ends the word in a suffix. */
import type { ExperimentResult, ResultRow } from "../result.ts";
import { type Axis, reached, wholeTicks } from "./axes.ts";
import { type Curve, curvesPanel, type Level, SEM_BANDS } from "./curves.ts";
import type { Figure } from "./figure.ts";
import { numberOf, type Point, pointsOf, rowsOf } from "./rows.ts";
import { compose, inPairs, madeFrom, type Panel, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

const POPULATIONS = [
  { population: "prediction", name: "prediction neurons", color: COLOR.blue },
  { population: "suppression", name: "suppression neurons", color: COLOR.vermilion },
  { population: "both", name: "both", color: COLOR.purple },
] as const;

function titleOf({ settings }: ExperimentResult): string {
  return typeof settings.suffix === "string" ? `Does the next token end the word in “${settings.suffix}”?` : "Suffix probes";
}

/** Rows of ensembles have k; those of single neurons have none. */
function ensembles({ table }: ExperimentResult, population: string): ResultRow[] {
  return rowsOf(table, "accuracy", { population }).filter((row) => numberOf(row, "k") !== null);
}

/** The best first: x is the rank. */
function single({ table }: ExperimentResult, population: string): Point[] {
  return pointsOf(rowsOf(table, "accuracy", { population, k: null }), () => 0)
    .sort((a, b) => b.mean - a.mean)
    .map((point, i) => ({ ...point, x: i + 1 }));
}

function modelLevel({ table }: ExperimentResult): Level[] {
  const [row] = rowsOf(table, "accuracy", { population: "model" });
  const value = row ? numberOf(row, "mean") : null;
  return value === null ? [] : [{ value, text: "the model's own top-1" }];
}

/** Where no neuron could be probed: a plot of the model's own accuracy alone, and a sentence that says why. */
function withoutNeurons({ summary }: ExperimentResult, level: Level | undefined): { panel: Panel | null; note: string } {
  const { candidates } = summary;
  const largest = typeof candidates === "object" && candidates !== null ? Reflect.get(candidates, "largest_kurtosis") : null;
  const known = typeof largest === "number" ? `; the largest kurtosis is ${Number(largest.toPrecision(3))}` : "";
  const panel = curvesPanel({
    title: "The model's own accuracy",
    x: { title: "no neurons", domain: [0, 1], ticks: [], labels: "" },
    y: "accuracy on held-out texts",
    scale: "fit",
    curves: [],
    levels: level ? [level] : [],
    reach: [0.5, 1],
    evenBare: true,
    wide: true,
  });
  return { panel, note: `No neuron is a prediction or suppression neuron, so none is probed${known}` };
}

function countAxis(title: string, curves: readonly Curve[]): Axis {
  const most = Math.max(1, ...curves.flatMap(({ points }) => points.map(({ x }) => x)));
  return { title, domain: [0, most + 1], ticks: [1, ...wholeTicks(most + 1, 7).slice(1)], labels: "datum.value" };
}

export const suffixProbe: Figure = {
  draw(result) {
    const alone = POPULATIONS.map(({ population, name, color }) => ({ name, color, points: single(result, population) }));
    const together = POPULATIONS.map(({ population, name, color }) => ({
      name,
      color,
      points: pointsOf(ensembles(result, population), "k"),
    }));
    const [level] = modelLevel(result);
    if ([...alone, ...together].every(({ points }) => points.length === 0)) {
      const { panel, note } = withoutNeurons(result, level);
      return compose({ title: titleOf(result), notes: [madeFrom(result), note], subject: subjectOf(result), panels: [panel] });
    }
    const reach = [...alone, ...together].flatMap(({ points }) => reached(points, false));
    const shared = { scale: "fit", names: POPULATIONS, reach, legend: true, height: 230 } as const;
    return compose({
      title: titleOf(result),
      notes: [madeFrom(result), `${SEM_BANDS}; balanced classes, so that guessing has 50 %`],
      subject: subjectOf(result),
      oneLegend: true,
      panels: inPairs([
        curvesPanel({
          ...shared,
          title: "(a) Single neurons",
          x: countAxis("neuron, the best first", alone),
          y: "accuracy on held-out texts",
          curves: alone,
          levels: level ? [level] : [],
        }),
        curvesPanel({
          ...shared,
          title: "(b) Ensembles",
          x: countAxis("neurons in the ensemble, k", together),
          y: "accuracy on held-out texts",
          curves: together,
          levels: level ? [{ ...level, text: "" }] : [],
        }),
      ]),
    });
  },
  compared: (results) => ({
    title: "Suffix probes",
    note: "dashed: the models' own top-1",
    panels: POPULATIONS.map(({ population, name }) => ({
      title: `Ensembles: ${name}`,
      y: "accuracy on held-out texts",
      scale: "fit",
      rows: (result) => ensembles(result, population),
      across: (result) => modelLevel(result)[0]?.value ?? null,
      x: countAxis(
        "neurons in the ensemble, k",
        results.map((result) => ({ name: "", color: "", points: pointsOf(ensembles(result, population), "k") })),
      ),
      at: (row) => numberOf(row, "k"),
    })),
  }),
};
