/** How the numbers were made, in words. */
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { SHORT_HASH } from "../tables/models.ts";
import { code, type Inline, listedInline, prose } from "../text/inline.ts";
import { listed } from "../text/numbers.ts";

/** What the names of numbers mean. */
export const conventions: Inline = prose`p are the untouched model’s probabilities of the next token, q those of a changed one. KL(p‖q) = Σ p (ln p − ln q), in nats, per position; entropy in bits; agreement compares
the ids of the top tokens; loss is −ln of the probability of the token that follows. Means are over positions, with standard errors clustered by text: tokens of one text are not
independent. Intervals are ± 1.96 standard errors. A swap is named by the first of the two layers. Relative depth is layer / (L − 1).`;

/** Texts, BOS, seed, version: what all results have in common, and where they do not. */
export function madeFrom(models: readonly ModelOutcomes[], experiments: readonly string[]): Inline {
  const results = models.flatMap((of) => experiments.flatMap((id) => resultOf(of, id) ?? []));
  const sets = new Map(results.flatMap(({ data }) => (data ? [[data.sha256, data.dataset] as const] : [])));
  const data = [...sets].map(
    ([sha256, name]) => prose`${name ?? "the request’s own texts"} (SHA-256 ${code(`${sha256.slice(0, SHORT_HASH)}…`)})`,
  );
  const bos = results.flatMap((result) => result.bos ?? []);
  const seeds = [...new Set(results.map(({ seed }) => String(seed)))];
  const versions = [...new Set(results.map(({ version }) => version))];
  return [
    data.length > 0 ? ["Texts: ", listedInline(data), ". "] : "",
    bosInWords(bos),
    `Seed ${listed(seeds)}; service version ${listed(versions)}. `,
    "With the same model files, texts, settings and version the same machine gives the same numbers again, bit for bit.",
  ];
}

function bosInWords(bos: readonly { readonly prepended: boolean; readonly by: "convention" | "request" }[]): string {
  if (bos.length === 0) return "";
  if (!bos.some(({ prepended }) => prepended)) return "No beginning-of-text token was put first. ";
  const where = bos.every(({ prepended }) => prepended) ? "every text" : "every text of models that have one";
  const why = bos.every(({ by }) => by === "convention") ? ", as in the paper, whatever a model’s own tokenizer does" : "";
  return `The beginning-of-text token stands first in ${where}${why}, and the prediction at its place is left out of every statistic. `;
}
