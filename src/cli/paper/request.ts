/** The command line of `paper` → what is asked of a report. */
import { MAX_MODELS } from "../../experiments/figures/registry.ts";
import { PAPER_EXPERIMENTS, type PaperExperiment } from "../../report/plan/catalogue.ts";
import type { PaperRequest } from "../../report/plan/request.ts";
import { textFields } from "../experiment-request.ts";
import { type CommandLine, flagValue } from "../flags.ts";
import { UsageError } from "../usage-error.ts";

/** Throws `UsageError` for no models, too many, and kinds that the report does not have. */
export function paperRequest(line: CommandLine): PaperRequest {
  const models = [...new Set(line.positionals)];
  if (models.length === 0) throw new UsageError("A model is missing. Example: stratascope paper prose-6m --out paper");
  if (models.length > MAX_MODELS)
    throw new UsageError(
      `A report shows at most ${MAX_MODELS} models, not ${models.length}: their colours could not be told apart.`,
    );
  const { model: _, texts, tokens_per_text: tokens, ...fields } = textFields(line, "layer-interventions");
  return {
    models,
    experiments: chosenExperiments(flagValue(line, "only")),
    fields,
    ownData: flagValue(line, "data") !== undefined,
    texts: texts as number | undefined,
    tokens: tokens as number | undefined,
  };
}

function chosenExperiments(only: string | undefined): readonly PaperExperiment[] {
  if (only === undefined) return PAPER_EXPERIMENTS;
  const names = only.split(",").map((name) => name.trim());
  const known = [...new Set(PAPER_EXPERIMENTS.map(({ kind }) => kind))];
  const unknown = names.find((name) => !known.some((kind) => kind === name));
  if (unknown !== undefined)
    throw new UsageError(`--only: ${JSON.stringify(unknown)} is none of the report's kinds: ${known.join(", ")}.`);
  return PAPER_EXPERIMENTS.filter(({ kind }) => names.includes(kind));
}
