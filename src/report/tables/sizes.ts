/** What every experiment was made from. */
import type { ExperimentResult } from "../../experiments/result.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { grouped } from "../text/numbers.ts";
import { filled, plainRows, type Table } from "../text/table.ts";

/** A row an experiment, a column a model: texts, and the settings. */
export function sizesTable(models: readonly ModelOutcomes[], experiments: readonly string[]): Table | null {
  return filled({
    title: "Experiments.",
    caption: "Texts × tokens of each, BOS included; of kinds that look at whole texts, how many there were.",
    columns: [{ name: "experiment" }, ...models.map(({ model }) => ({ name: model.id, number: true })), { name: "settings" }],
    wide: true,
    groups: plainRows(
      experiments.map((id) => {
        const results = models.map((of) => resultOf(of, id));
        return [
          id,
          ...results.map((result) => (result ? sizeOf(result) : "–")),
          settingsOf(results.filter((result) => result !== null)),
        ];
      }),
    ),
  });
}

/** 64 × 128; 64 where texts are whole. */
export function sizeOf({ data, tokens_per_text }: ExperimentResult): string {
  if (!data) return "weights alone";
  return tokens_per_text === null ? grouped(data.texts) : `${grouped(data.texts)} × ${tokens_per_text}`;
}

/** Of all models; where they differ, in the models' order. */
function settingsOf(results: readonly ExperimentResult[]): string {
  const names = [...new Set(results.flatMap(({ settings }) => Object.keys(settings)))];
  const spelled = (value: unknown) => (Array.isArray(value) ? value.join(", ") : String(value));
  return names
    .map((name) => {
      const values = new Set(results.flatMap(({ settings }) => (name in settings ? [spelled(settings[name])] : [])));
      return `${name.replaceAll("_", " ")} ${[...values].join(" / ")}`;
    })
    .join("; ");
}
