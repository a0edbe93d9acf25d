/** The heads that look back most. */
import { rankedHeads } from "../claims/stage-one.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { estimate } from "../text/numbers.ts";
import { filled, type RowGroup, type Table } from "../text/table.ts";

const NUMBER = { number: true } as const;
/** Heads of each model that are named. */
const HEADS = 5;

/** Those of each model, the strongest first. null: not measured. */
export function headTable(models: readonly ModelOutcomes[]): Table | null {
  return filled({
    caption:
      "Heads that look back most from a word’s last token: attention to its earlier tokens, minus the same offsets in words of one token, with 95 % intervals.",
    columns: [{ name: "head" }, { name: "difference", ...NUMBER }, { name: "strongest to" }],
    groups: models.flatMap((of): RowGroup[] => {
      const result = resultOf(of, "subjoiner-heads");
      if (!result) return [];
      const rows = rankedHeads(result)
        .slice(0, HEADS)
        .map(({ layer, head, difference, sem, strongestToFirst }) => [
          `layer ${layer}, head ${head}`,
          estimate(difference, sem),
          strongestToFirst ? "the first token" : "a later one",
        ]);
      return [{ title: `${of.model.id}, words of ${String(result.settings.tokens_per_word)} tokens`, rows }];
    }),
  });
}
