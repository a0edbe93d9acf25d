/** Table 1: does the depth divide into four stages, where, and what speaks for each. */
import { segmentationOf } from "../../experiments/figures/segmentation.ts";
import type { ExperimentResult } from "../../experiments/result.ts";
import type { Findings } from "../claims/findings.ts";
import { CLAIM_GROUPS } from "../claims/index.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { fieldsIn, textIn } from "../results/summary.ts";
import { listed, percent } from "../text/numbers.ts";
import { evidenceInWords } from "./evidence-table.ts";
import { type Html, html } from "./html.ts";
import { verdictLabel } from "./marks.ts";

const STAGES = [
  { id: "stage-1", name: "Detokenization", does: "Local context turns tokens into words and names." },
  { id: "stage-2", name: "Feature engineering", does: "Features are refined; hardly any of it shows in the vocabulary." },
  { id: "stage-3", name: "Prediction ensembling", does: "The stream turns into predictions." },
  { id: "stage-4", name: "Residual sharpening", does: "What is no longer needed is taken out." },
] as const;

/** What the segmentation says, in sentences. null: it was not made. */
export function segmentationInWords(result: ExperimentResult): string | null {
  const segmentation = segmentationOf(result.summary);
  if (!segmentation) return null;
  const { supported, p_value, explained, boundaries } = segmentation;
  const reason = textIn(fieldsIn(result.summary, "segmentation"), "reason");
  if (reason !== null) return `A division of the depth into four parts is not supported: ${reason}.`;
  const p = p_value === null ? "" : ` (permutation test over layers, p = ${Number(p_value.toPrecision(2))})`;
  if (!supported)
    return `A division of the depth into four parts is not supported${p}: the layers’ signals could as well stand in another order.`;
  const said = boundaries.map(({ after, low, high }) =>
    low === null || high === null ? `after layer ${after}` : `after layer ${after} (${low === high ? low : `${low}–${high}`})`,
  );
  return (
    `A division into four parts is supported${p}; ${explained === null ? "it has" : `it explains ${percent(explained)} of the signals’ variance, with`} boundaries ${listed(said)}, ` +
    `in brackets their 95 % bootstrap intervals over texts. Signals that merely change smoothly with depth pass this test too: it says that the order matters, not that stages are sharp.${evidenceInWords(result)}`
  );
}

/** A row a stage, a column a model. */
export function stagesTable(models: readonly ModelOutcomes[], findings: Findings): Html | null {
  const columns = models.map((of) => ({ of, layers: stageLayers(resultOf(of, "stages")) }));
  const cell = (stage: number) => (column: (typeof columns)[number]) => {
    const { of, layers } = column;
    const range = layers?.[stage];
    const claims = CLAIM_GROUPS.find(({ id }) => id === STAGES[stage]?.id)?.claims ?? [];
    const found = claims.flatMap((claim) => {
      const finding = findings.of(of.model.id, claim);
      return finding ? [{ claim, finding }] : [];
    });
    return html`<td data-model="${of.model.id}">${range !== undefined && html`<b>${range}</b>`}${found.map(
      ({ claim, finding }) => html`<small>${verdictLabel(finding.verdict)}: ${NAMES[claim.id] ?? claim.id}</small>`,
    )}${found.length === 0 && range === undefined && "not measured"}</td>`;
  };
  return html`
<div class="scroll wide"><table class="claims">
<caption><b>Stages of inference</b> (the paper’s Table 1): what each stage is said to do, and what speaks for it in each model. Layers stand where the division is supported.</caption>
<thead><tr><th scope="col">stage</th>${models.map(({ model }) => html`<th scope="col">${model.id}</th>`)}</tr></thead>
<tbody>
${STAGES.map(({ id, name, does }, i) => html`<tr><td><a href="#${id}">${i + 1}. ${name}</a><small>${does}</small></td>${columns.map(cell(i))}</tr>\n`)}</tbody>
</table></div>`;
}

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
