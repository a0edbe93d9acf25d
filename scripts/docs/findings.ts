/** What the row prose-6m of each kind of experiment says: the sentences of the report, of the page's own request. */
import type { ExperimentResult } from "../../src/experiments/result.ts";
import { measuredOne } from "../../src/report/results/measured.ts";
import type { ModelOutcomes } from "../../src/report/results/outcome.ts";
import { SECTIONS } from "../../src/report/sections/index.ts";
import { counted, grouped, inWords, listed, withUnit } from "../../src/report/text/numbers.ts";

/** A cell of a table is no section. */
const MOST_CLAIMS = 2;

/** A finding in sentences. Throws where the report has none for the kind. */
export function findingOf(result: ExperimentResult): string {
  const said = OWN[result.kind]?.(result) ?? sentencesOf(result).join(" ");
  if (said === "") throw new Error(`nothing is said of ${result.kind}`);
  return said;
}

/** As the pages are written: plain spaces, no bars in a table. */
export function plainSpaced(text: string): string {
  return text.replace(/[\u00a0\u202f]/g, " ").replaceAll("|", "\\|");
}

/** Claims and remarks that this result alone can bear. */
function sentencesOf(result: ExperimentResult): string[] {
  const of: ModelOutcomes = {
    model: {
      ...{ id: result.model.id, family: result.model.family, revision: result.model.revision },
      ...{ nLayers: result.model.n_layers, dModel: result.model.d_model, nHeads: result.model.n_heads },
      ...{ dMlp: result.model.d_mlp, vocabSize: result.model.vocab_size, contextLength: 0 },
      ...{ device: null, precision: null, half: null },
    },
    outcomes: new Map([[result.kind, { state: "completed", result, refused: [] }]]),
  };
  const parts = SECTIONS.flatMap(({ parts: each }) => each);
  const claims = parts.flatMap((part) => part.claims ?? []).map((claim) => claim.judge(of)?.sentence ?? null);
  const remarks = parts.flatMap((part) => part.remarks ?? []).map((remark) => remark(of));
  const found = claims.filter((sentence) => sentence !== null).slice(0, MOST_CLAIMS);
  return [...found, ...remarks.filter((sentence) => sentence !== null)];
}

/** Kinds that the report does not have. */
const OWN: Readonly<Record<string, (result: ExperimentResult) => string>> = {
  variants(result) {
    const said = Object.keys((result.settings.variants ?? {}) as object).flatMap((variant) => {
      const nats = measuredOne(result, "kl_nats", { variant });
      return nats ? [`${withUnit(nats.mean, "nats")} with “${variant}”`] : [];
    });
    return said.length === 0 ? "" : `The predictions diverge by ${listed(said)}.`;
  },
  activations({ summary, settings }) {
    const { files, activations, bytes } = summary as Readonly<Record<string, number>>;
    const { sites, layers } = settings as Readonly<Record<string, readonly unknown[]>>;
    const tensors = (sites?.length ?? 0) * (layers?.length ?? 0);
    return `${grouped(activations ?? 0)} activations of ${inWords(tensors)} tensors, ${((bytes ?? 0) / 1e6).toFixed(1)} MB in ${counted(files ?? 0, "file")}.`;
  },
};
