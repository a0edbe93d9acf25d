/** Figure 6 (right): how many neurons of a layer promote or suppress tokens, or part the vocabulary in two. */
import type { ExperimentResult } from "../result.ts";
import { layerAxis } from "./axes.ts";
import { type Curve, curvesPanel } from "./curves.ts";
import type { Figure } from "./figure.ts";
import { isString, pointsOf, rowsOf, valuesOf } from "./rows.ts";
import { compose, subjectOf } from "./spec.ts";
import { COLOR } from "./theme.ts";

const TITLE = "Census of neurons by what they write";
const COUNT = "_count";
const SHARE = "_share";
const COLORS: Readonly<Record<string, string>> = {
  prediction: COLOR.blue,
  suppression: COLOR.vermilion,
  partition: COLOR.green,
};

/** The kinds of neurons counted; gated models without texts count prediction and suppression together. */
function kindsOf({ table }: ExperimentResult, ending: string): string[] {
  return valuesOf(table.rows, "statistic", isString)
    .filter((statistic) => statistic.endsWith(ending))
    .map((statistic) => statistic.slice(0, -ending.length));
}

function curvesOf(result: ExperimentResult, ending: string, partition: boolean): Curve[] {
  return kindsOf(result, ending)
    .filter((kind) => (kind === "partition") === partition)
    .map((kind) => ({
      name: kind.replaceAll("_", " "),
      color: COLORS[kind] ?? COLOR.purple,
      points: pointsOf(rowsOf(result.table, `${kind}${ending}`), "layer"),
    }));
}

export const neuronCensus: Figure = {
  draw(result) {
    const { n_layers, d_mlp } = result.model;
    const x = layerAxis(n_layers);
    const { weights, kurtosis_above = 10, variance_above = 0.005 } = result.settings;
    const from = [result.model.id, `${d_mlp} neurons a layer`, ...(typeof weights === "string" ? [`${weights} weights`] : [])];
    return compose({
      title: TITLE,
      notes: [
        from.join(" · "),
        `Prediction, suppression: kurtosis over the vocabulary > ${kurtosis_above}; partition: variance > ${variance_above}`,
      ],
      subject: subjectOf(result),
      panels: [
        curvesPanel({
          title: "(a) Prediction and suppression neurons",
          x,
          y: "neurons",
          scale: "count",
          curves: curvesOf(result, COUNT, false),
          legend: true,
          wide: true,
        }),
        curvesPanel({
          title: "(b) Partition neurons",
          x,
          y: "neurons",
          scale: "count",
          curves: curvesOf(result, COUNT, true),
          wide: true,
          height: 130,
        }),
      ],
    });
  },
  compared: (results) => ({
    title: TITLE,
    panels: [...new Set(results.flatMap((result) => kindsOf(result, SHARE)))].map((kind) => ({
      title: `${kind.replaceAll("_", " ")} neurons`,
      y: "share of the layer's neurons",
      scale: "positive",
      rows: ({ table }) => rowsOf(table, `${kind}${SHARE}`),
    })),
  }),
};
