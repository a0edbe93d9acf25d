/** The models of a report. */
import type { ModelOutcomes } from "../results/outcome.ts";
import { code } from "../text/inline.ts";
import { grouped } from "../text/numbers.ts";
import { filled, plainRows, type Table } from "../text/table.ts";

/** Digits of a hash that are shown. */
export const SHORT_HASH = 12;

const WEIGHTS = { kept: "half, cast in every call", folded: "half, held as single" } as const;

/** A row a model: its sizes, how it was computed, and which files it was. */
export function modelsTable(models: readonly ModelOutcomes[]): Table | null {
  return filled({
    title: "Models.",
    caption:
      "Layers, width, attention heads, neurons of an MLP, vocabulary, context in tokens; the revision is a hash of the files.",
    columns: [
      { name: "model" },
      { name: "family" },
      { name: "layers", number: true },
      { name: "width", number: true },
      { name: "heads", number: true },
      { name: "neurons", number: true },
      { name: "vocabulary", number: true },
      { name: "context", number: true },
      { name: "weights" },
      { name: "computed in" },
      { name: "revision" },
    ],
    wide: true,
    groups: plainRows(
      models.map(({ model }) => [
        model.id,
        model.family,
        String(model.nLayers),
        String(model.dModel),
        String(model.nHeads),
        grouped(model.dMlp),
        grouped(model.vocabSize),
        grouped(model.contextLength),
        model.half === null ? "single" : WEIGHTS[model.half],
        [model.precision, model.device && `on ${model.device}`].filter(Boolean).join(" ") || "not known",
        code(model.revision.slice(0, SHORT_HASH)),
      ]),
    ),
  });
}
