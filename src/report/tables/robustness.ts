/** What is left without, or with, each of the first, middle and last layers. */
import { middleOf } from "../claims/robustness.ts";
import { type Measured, meanOf, measuredBy } from "../results/measured.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import type { Inline } from "../text/inline.ts";
import { measure, percent, percentRange } from "../text/numbers.ts";
import { filled, type RowGroup, type Table } from "../text/table.ts";

const NUMBER = { number: true } as const;

/** Top predictions kept and divergence, a row an operation. null: not measured. */
export function robustnessTable(models: readonly ModelOutcomes[]): Table | null {
  const groups = models.flatMap((of): RowGroup[] => {
    const result = resultOf(of, "layer-interventions");
    if (!result) return [];
    const rows = (["delete", "swap"] as const).flatMap((operation): Inline[][] => {
      const last = result.model.n_layers - (operation === "delete" ? 1 : 2);
      const kept = measuredBy(result, "top1_agreement", { operation });
      const divergence = measuredBy(result, "kl_nats", { operation });
      const at = (all: readonly Measured[], layer: number) => all.find((each) => each.at === layer)?.mean ?? Number.NaN;
      const middle = middleOf(kept, last);
      if (middle.length === 0) return [];
      const shares = middle.map(({ mean }) => mean);
      return [
        [
          operation,
          percent(at(kept, 0)),
          `${percent(meanOf(middle))} (${percentRange(Math.min(...shares), Math.max(...shares))})`,
          percent(at(kept, last)),
          measure(at(divergence, 0)),
          measure(meanOf(middleOf(divergence, last))),
          measure(at(divergence, last)),
        ],
      ];
    });
    return [{ title: models.length > 1 ? of.model.id : null, rows }];
  });
  return filled({
    wide: true,
    caption:
      "Top predictions kept, and KL(p‖q) in nats. Of swaps, first and last are the pairs with the first and the last layer. Middle: the mean over all others, and their range.",
    columns: [
      { name: "" },
      { name: "kept: first", ...NUMBER },
      { name: "middle", ...NUMBER },
      { name: "last", ...NUMBER },
      { name: "KL: first", ...NUMBER },
      { name: "middle", ...NUMBER },
      { name: "last", ...NUMBER },
    ],
    groups,
  });
}
