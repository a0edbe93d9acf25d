/** Which kinds have a figure, and the way from a result to its specification. Loads no plotting library. */
import { Problem } from "../../problem.ts";
import type { ExperimentResult } from "../result.ts";
import { attentionLocality } from "./attention-locality.ts";
import { benchmark } from "./benchmark.ts";
import { cka } from "./cka.ts";
import { comparedPanel } from "./comparison.ts";
import { componentNorms } from "./component-norms.ts";
import { SEM_BANDS } from "./curves.ts";
import type { Figure } from "./figure.ts";
import { headImportance } from "./head-importance.ts";
import { layerImportance } from "./layer-importance.ts";
import { layerInterventions } from "./layer-interventions.ts";
import { layerRepeat } from "./layer-repeat.ts";
import { layerSchedules } from "./layer-schedules.ts";
import { logitLens } from "./logit-lens.ts";
import { neuronCensus } from "./neuron-census.ts";
import { spanProbe } from "./span-probe.ts";
import { allMadeFrom, compose, inPairs, type VegaLiteSpec } from "./spec.ts";
import { stages } from "./stages.ts";
import { subjoinerHeads } from "./subjoiner-heads.ts";
import { suffixProbe } from "./suffix-probe.ts";
import { SERIES_COLORS } from "./theme.ts";
import { variants } from "./variants.ts";

/** null: the kind's result is files, or anything else that no figure shows. */
const FIGURES: Readonly<Record<string, Figure | null>> = {
  "layer-interventions": layerInterventions,
  "attention-locality": attentionLocality,
  "component-norms": componentNorms,
  "logit-lens": logitLens,
  "neuron-census": neuronCensus,
  "subjoiner-heads": subjoinerHeads,
  "suffix-probe": suffixProbe,
  cka,
  "layer-importance": layerImportance,
  "layer-repeat": layerRepeat,
  "layer-schedules": layerSchedules,
  "head-importance": headImportance,
  variants,
  benchmark,
  "span-probe": spanProbe,
  stages,
  activations: null,
};

/** Kinds that can be drawn, in order. */
export const KINDS_WITH_FIGURES: readonly string[] = Object.keys(FIGURES).filter((kind) => FIGURES[kind]);

/** Kinds of which several models can be drawn in one figure, in order. */
export const KINDS_COMPARED: readonly string[] = Object.keys(FIGURES).filter((kind) => FIGURES[kind]?.compared);

/** More colours cannot be told apart. */
export const MAX_MODELS = SERIES_COLORS.length;

/** The figure of a result. Throws `not_found` where its kind has none, or the result none of the rows. */
export function figureOf(result: ExperimentResult): VegaLiteSpec {
  return figureFor(result.kind).draw(result);
}

/**
 * The same kind for several models: one colour a model, relative depth on the x axis where the kind goes by layers. Throws
 * `not_found` where the kind has no such figure, `invalid_request` for no results, several kinds, or too many models.
 */
export function severalModels(results: readonly ExperimentResult[]): VegaLiteSpec {
  const [first] = results;
  if (!first) throw new Problem("invalid_request", "A figure of several models needs at least one result; there is none.");
  const kinds = [...new Set(results.map(({ kind }) => kind))];
  if (kinds.length > 1)
    throw new Problem("invalid_request", `A figure shows results of one kind, not of ${kinds.length}: ${kinds.join(", ")}.`);
  if (results.length > MAX_MODELS)
    throw new Problem("invalid_request", `A figure shows at most ${MAX_MODELS} models, not ${results.length}.`);
  const { compared } = figureFor(first.kind);
  if (!compared) throw new Problem("not_found", `Results of the kind ${first.kind} are not compared between models in a figure.`);
  const { title, panels, note } = compared(results);
  return compose({
    title: `${title}, ${results.length === 1 ? "one model" : `${results.length} models`}`,
    notes: [...allMadeFrom(results), note ? `${SEM_BANDS}; ${note}` : SEM_BANDS],
    panels: inPairs(panels.map((panel) => comparedPanel(results, panel, panels.length === 1))),
    subject: `The results of the ${first.kind} experiments ${results.map(({ id }) => id).join(", ")}`,
    oneLegend: true,
  });
}

function figureFor(kind: string): Figure {
  const figure = Object.hasOwn(FIGURES, kind) ? FIGURES[kind] : undefined;
  if (figure === null) throw new Problem("not_found", `Experiments of the kind ${kind} have no figure: their results are files.`);
  if (!figure)
    throw new Problem(
      "not_found",
      `Experiments of the kind ${kind} have no figure; there are figures of ${KINDS_WITH_FIGURES.join(", ")}.`,
    );
  return figure;
}
