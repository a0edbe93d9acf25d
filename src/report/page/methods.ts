/** How the numbers were made: models, texts, sizes, conventions. */
import type { ExperimentResult } from "../../experiments/result.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { grouped, listed } from "../text/numbers.ts";
import { type Html, html, joined, type Piece } from "./html.ts";
import { inlineTable, plainRows } from "./inline-tables.ts";

const SHORT_HASH = 12;

export function modelsTable(models: readonly ModelOutcomes[]): Html | null {
  return inlineTable({
    caption: html`<b>Models.</b> Layers, width, attention heads, neurons of an MLP, vocabulary, context in tokens; the revision is a hash of the files.`,
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
        model.half === null ? "single" : model.half === "kept" ? "half, cast in every call" : "half, held as single",
        [model.precision, model.device && `on ${model.device}`].filter(Boolean).join(" ") || "not known",
        html`<code>${model.revision.slice(0, SHORT_HASH)}</code>`,
      ]),
    ),
  });
}

/** What every experiment was made from: a row each, a column a model. */
export function sizesTable(models: readonly ModelOutcomes[], experiments: readonly string[]): Html | null {
  return inlineTable({
    caption: html`<b>Experiments.</b> Texts × tokens of each, BOS included; of kinds that look at whole texts, how many there were.`,
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

function sizeOf({ data, tokens_per_text }: ExperimentResult): string {
  if (!data) return "weights alone";
  return tokens_per_text === null ? `${grouped(data.texts)}` : `${grouped(data.texts)} × ${tokens_per_text}`;
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

/** Texts, BOS, seed, version: what all results have in common, and where they do not. */
export function dataNotes(models: readonly ModelOutcomes[], experiments: readonly string[]): Html {
  const results = models.flatMap((of) => experiments.flatMap((id) => resultOf(of, id) ?? []));
  const sets = new Map(results.flatMap(({ data }) => (data ? [[data.sha256, data.dataset] as const] : [])));
  const data: Piece[] = [...sets].map(
    ([sha256, name]) => html`${name ?? "the request’s own texts"} (SHA-256 <code>${sha256.slice(0, SHORT_HASH)}…</code>)`,
  );
  const bos = [...new Set(results.flatMap(({ prepend_bos }) => (prepend_bos === null ? [] : [prepend_bos])))];
  const seeds = [...new Set(results.map(({ seed }) => String(seed)))];
  const versions = [...new Set(results.map(({ version }) => version))];
  return html`<p>${data.length > 0 && html`Texts: ${joined(data, " and ")}. `}${
    bos.length === 1
      ? bos[0]
        ? "The beginning-of-text token stands first in every text, and the prediction at its place is left out of every statistic. "
        : "No beginning-of-text token was put first. "
      : bos.length > 1 &&
        "Models with a beginning-of-text token have it first in every text, and the prediction at its place is left out of every statistic. "
  }Seed ${listed(seeds)}; service version ${listed(versions)}. With the same model files, texts, settings and version the same machine gives the same numbers again, bit for bit.</p>`;
}
