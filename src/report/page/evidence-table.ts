/** What stands beside each boundary of Table 1: the signatures of the stages that it parts. */
import { segmentationOf } from "../../experiments/figures/segmentation.ts";
import type { ExperimentResult } from "../../experiments/result.ts";
import type { Verdict } from "../claims/claim.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { fieldsIn, listIn, numberIn, textIn } from "../results/summary.ts";
import { counted, measure } from "../text/numbers.ts";
import { type Html, html } from "./html.ts";
import { inlineTable, type RowGroup } from "./inline-tables.ts";
import { verdictMark } from "./marks.ts";

/** What speaks for a boundary, or against it. */
interface Evidence {
  readonly stage: number;
  readonly signature: string;
  readonly measure: string;
  readonly before: number | null;
  readonly after: number | null;
  readonly speaks: string;
}

function evidenceBy(result: ExperimentResult): { after: number; evidence: Evidence[] }[] {
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

const MEASURES: Readonly<Record<string, string>> = {
  mean: "mean",
  fall_per_layer: "fall a layer",
  peak: "peak",
  last_layer: "last layer",
};

/** How many speak for and against; empty where there is none. */
export function evidenceInWords(result: ExperimentResult): string {
  const all = evidenceBy(result).flatMap(({ evidence }) => evidence);
  if (all.length === 0) return "";
  const count = (speaks: string) => all.filter((each) => each.speaks === speaks).length;
  const neither = count("neither");
  return ` Of ${counted(all.length, "signature")} of the paper’s stages at these boundaries ${count("for")} speak for them, ${count("against")} against${neither > 0 ? `, ${neither} neither way` : ""}.`;
}

/** Beside each boundary of each model the signatures of the stages that it parts. */
export function evidenceTable(models: readonly ModelOutcomes[]): Html | null {
  const verdicts: Readonly<Record<string, Verdict>> = { for: "shown", against: "not-shown" };
  const groups = models.flatMap((of): RowGroup[] => {
    const result = resultOf(of, "stages");
    if (!result || !segmentationOf(result.summary)?.supported) return [];
    return evidenceBy(result).map(({ after, evidence }, i) => ({
      title: `${models.length > 1 ? `${of.model.id}, ` : ""}stages ${i + 1} and ${i + 2}, parted after layer ${after}`,
      rows: evidence.map((each) => {
        const verdict = verdicts[each.speaks];
        return [
          `${each.stage}: ${each.signature}`,
          each.measure,
          each.before === null ? "–" : measure(each.before),
          each.after === null ? "–" : measure(each.after),
          html`<span class="verdict">${verdict ? verdictMark(verdict) : null}${each.speaks}</span>`,
        ];
      }),
    }));
  });
  return inlineTable({
    caption: html`<b>Evidence at the boundaries.</b> The signature of a stage, measured in the part before the boundary and in the part after it, and whether it speaks for the boundary.`,
    columns: [
      { name: "stage: signature" },
      { name: "measured" },
      { name: "before", number: true },
      { name: "after", number: true },
      { name: "speaks" },
    ],
    wide: true,
    groups,
  });
}
