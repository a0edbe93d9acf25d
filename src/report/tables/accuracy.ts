/** The benchmark, untouched and with a layer of the middle changed. */
import { middleOf } from "../claims/robustness.ts";
import { meanOf, measuredBy, measuredOne } from "../results/measured.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { grouped, percent, percentRange } from "../text/numbers.ts";
import { filled, plainRows, type Table } from "../text/table.ts";

const NUMBER = { number: true } as const;

/** A row a model. null: not measured. */
export function accuracyTable(models: readonly ModelOutcomes[]): Table | null {
  return filled({
    wide: true,
    caption:
      "Accuracy on the benchmark, with 95 % intervals where the model is untouched; otherwise the mean over the middle layers.",
    columns: [
      { name: "model" },
      { name: "passages", ...NUMBER },
      { name: "untouched", ...NUMBER },
      { name: "one deleted", ...NUMBER },
      { name: "swapped", ...NUMBER },
      { name: "repeated", ...NUMBER },
    ],
    groups: plainRows(
      models.flatMap((of) => {
        const result = resultOf(of, "benchmark");
        const baseline = result && measuredOne(result, "accuracy", { operation: "baseline" });
        if (!result || !baseline) return [];
        const changed = (["delete", "swap", "repeat"] as const).map((operation) => {
          const last = result.model.n_layers - (operation === "swap" ? 2 : 1);
          const middle = middleOf(measuredBy(result, "accuracy", { operation }), last);
          return middle.length > 0 ? percent(meanOf(middle)) : "–";
        });
        const interval = baseline.sem === null ? "" : ` (${percentRange(Math.max(0, baseline.low), Math.min(1, baseline.high))})`;
        return [[of.model.id, grouped(result.data?.texts ?? 0), `${percent(baseline.mean)}${interval}`, ...changed]];
      }),
    ),
  });
}
