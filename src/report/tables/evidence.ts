/** What stands beside each boundary of Table 1: the signatures of the stages that it parts. */
import { segmentationOf } from "../../experiments/figures/segmentation.ts";
import type { Verdict } from "../claims/claim.ts";
import { evidenceBy } from "../claims/segmentation.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { verdict } from "../text/inline.ts";
import { measure } from "../text/numbers.ts";
import { filled, type RowGroup, type Table } from "../text/table.ts";

const VERDICTS: Readonly<Record<string, Verdict>> = { for: "shown", against: "not-shown" };

/** Of models whose division is supported, boundary by boundary. null: there is none. */
export function evidenceTable(models: readonly ModelOutcomes[]): Table | null {
  const groups = models.flatMap((of): RowGroup[] => {
    const result = resultOf(of, "stages");
    if (!result || !segmentationOf(result.summary)?.supported) return [];
    return evidenceBy(result).map(({ after, evidence }, i) => ({
      title: `${models.length > 1 ? `${of.model.id}, ` : ""}stages ${i + 1} and ${i + 2}, parted after layer ${after}`,
      rows: evidence.map((each) => {
        const found = VERDICTS[each.speaks];
        return [
          `${each.stage}: ${each.signature}`,
          each.measure,
          each.before === null ? "–" : measure(each.before),
          each.after === null ? "–" : measure(each.after),
          found ? verdict(found, each.speaks) : each.speaks,
        ];
      }),
    }));
  });
  return filled({
    title: "Evidence at the boundaries.",
    caption:
      "The signature of a stage, measured in the part before the boundary and in the part after it, and whether it speaks for the boundary.",
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
