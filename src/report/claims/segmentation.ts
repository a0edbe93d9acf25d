/** What the segmentation of a `stages` result says, in sentences. */
import { segmentationOf } from "../../experiments/figures/segmentation.ts";
import type { ExperimentResult } from "../../experiments/result.ts";
import { resultOf } from "../results/outcome.ts";
import { fieldsIn, listIn, numberIn, textIn } from "../results/summary.ts";
import { counted, listed, percent } from "../text/numbers.ts";
import type { Remark } from "./claim.ts";

/** What speaks for a boundary, or against it. */
export interface Evidence {
  readonly stage: number;
  readonly signature: string;
  readonly measure: string;
  readonly before: number | null;
  readonly after: number | null;
  /** `for`, `against` or `neither`. */
  readonly speaks: string;
}

const MEASURES: Readonly<Record<string, string>> = {
  mean: "mean",
  fall_per_layer: "fall a layer",
  peak: "peak",
  last_layer: "last layer",
};

/** The evidence beside each boundary, which lies after the layer `after`. */
export function evidenceBy(result: ExperimentResult): { after: number; evidence: Evidence[] }[] {
  return listIn(fieldsIn(result.summary, "segmentation"), "boundaries").map((boundary) => ({
    after: numberIn(boundary, "after_layer") ?? Number.NaN,
    evidence: listIn(boundary, "evidence").map((each) => ({
      stage: numberIn(each, "stage") ?? Number.NaN,
      signature: textIn(each, "signature") ?? "",
      measure: MEASURES[textIn(each, "measure") ?? ""] ?? "",
      before: numberIn(each, "before"),
      after: numberIn(each, "after"),
      speaks: textIn(each, "speaks") ?? "",
    })),
  }));
}

/** Whether there are four parts, where, and how sure. null: it was not made. */
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

/** How many signatures speak for and against; empty where there is none. */
function evidenceInWords(result: ExperimentResult): string {
  const all = evidenceBy(result).flatMap(({ evidence }) => evidence);
  if (all.length === 0) return "";
  const count = (speaks: string) => all.filter((each) => each.speaks === speaks).length;
  const neither = count("neither");
  return ` Of ${counted(all.length, "signature")} of the paper’s stages at these boundaries ${count("for")} speak for them, ${count("against")} against${neither > 0 ? `, ${neither} neither way` : ""}.`;
}

/** The same as a remark of the section. */
export const segmentation: Remark = (of) => {
  const result = resultOf(of, "stages");
  return result && segmentationInWords(result);
};
