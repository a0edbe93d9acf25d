/** Table 1: where the stages are in each model, and what speaks for each. */
import { segmentationOf } from "../../experiments/figures/segmentation.ts";
import type { ExperimentResult } from "../../experiments/result.ts";
import type { Findings } from "../claims/findings.ts";
import { CLAIM_GROUPS } from "../claims/index.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { type Inline, lines, place, strong, verdict } from "../text/inline.ts";
import { filled, plainRows, type Table } from "../text/table.ts";

const STAGES = [
  { id: "stage-1", name: "Detokenization", does: "Local context turns tokens into words and names." },
  { id: "stage-2", name: "Feature engineering", does: "Features are refined; hardly any of it shows in the vocabulary." },
  { id: "stage-3", name: "Prediction ensembling", does: "The stream turns into predictions." },
  { id: "stage-4", name: "Residual sharpening", does: "What is no longer needed is taken out." },
] as const;

/** Claims by a few words. */
const NAMES: Readonly<Record<string, string>> = {
  locality: "local attention first",
  subjoiners: "subjoiner heads first",
  "attention-share": "attention writes first",
  "flat-lens": "the lens stands still",
  "prediction-neurons": "prediction neurons",
  "falling-lens": "the lens falls",
  "suffix-probe": "ensembles of neurons",
  "suppression-neurons": "suppression neurons",
  sharpening: "entropy falls",
  "mlp-norm": "large last MLPs",
};

/** A row a stage, a column a model. null: stages were asked of none. */
export function stagesTable(models: readonly ModelOutcomes[], findings: Findings): Table | null {
  if (!models.some(({ outcomes }) => outcomes.has("stages"))) return null;
  const cell = (stage: number, of: ModelOutcomes): Inline => {
    const range = stageLayers(resultOf(of, "stages"))?.[stage];
    const claims = CLAIM_GROUPS.find(({ id }) => id === STAGES[stage]?.id)?.claims ?? [];
    const found = claims.flatMap((claim) => {
      const finding = findings.of(of.model.id, claim);
      return finding ? [[verdict(finding.verdict), `: ${NAMES[claim.id] ?? claim.id}`]] : [];
    });
    if (found.length === 0 && range === undefined) return "not measured";
    return lines(range === undefined ? "" : strong(range), ...found);
  };
  return filled({
    title: "Stages of inference",
    caption:
      "(the paper’s Table 1): what each stage is said to do, and what speaks for it in each model. Layers stand where the division is supported.",
    columns: [{ name: "stage" }, ...models.map(({ model }) => ({ name: model.id, model: model.id }))],
    groups: plainRows(
      STAGES.map(({ id, name, does }, i) => [lines(place(id, `${i + 1}. ${name}`), does), ...models.map((of) => cell(i, of))]),
    ),
    wide: true,
    ofClaims: true,
  });
}

/** "layers 0–2", … of the four parts. null: not supported, or not measured. */
function stageLayers(result: ExperimentResult | null): string[] | null {
  const segmentation = result && segmentationOf(result.summary);
  if (!result || !segmentation?.supported || segmentation.boundaries.length !== STAGES.length - 1) return null;
  const ends = [...segmentation.boundaries.map(({ after }) => after), result.model.n_layers - 1];
  return ends.map((end, i) => {
    const start = i === 0 ? 0 : (ends[i - 1] as number) + 1;
    return start === end ? `layer ${start}` : `layers ${start}–${end}`;
  });
}
