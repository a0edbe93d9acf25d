/** From the command line and the catalogue to the bodies of `POST /v1/experiments`. */
import { createHash } from "node:crypto";
import type { ExperimentBody } from "../../cli/experiment-request.ts";
import { textFields } from "../../cli/experiment-request.ts";
import type { CommandLine } from "../../cli/flags.ts";
import { flagValue } from "../../cli/flags.ts";
import { UsageError } from "../../cli/usage-error.ts";
import { type Attempt, PAPER_EXPERIMENTS, type PaperExperiment, type Size } from "./catalogue.ts";

/** What is the same for all experiments of a report. */
export interface PaperRequest {
  readonly models: readonly string[];
  /** The experiments, in the catalogue's order. */
  readonly experiments: readonly PaperExperiment[];
  /** Fields of every body: data, seed, and what the person says of texts. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Whether the person names the data. */
  readonly ownData: boolean;
  readonly texts: number | undefined;
  readonly tokens: number | undefined;
}

/** More colours cannot be told apart. */
export const MOST_MODELS = 8;

export function paperRequest(line: CommandLine): PaperRequest {
  const models = [...new Set(line.positionals)];
  if (models.length === 0) throw new UsageError("A model is missing. Example: stratascope paper prose-6m --out paper");
  if (models.length > MOST_MODELS)
    throw new UsageError(
      `A report shows at most ${MOST_MODELS} models, not ${models.length}: their colours could not be told apart.`,
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

/** The body of one experiment of one model. */
export function bodyOf(
  { fields, ownData }: Pick<PaperRequest, "fields" | "ownData">,
  model: string,
  experiment: PaperExperiment,
  size: Size,
  attempt: Attempt,
): ExperimentBody {
  const { data, ...others } = fields;
  const texts = {
    data: !ownData && experiment.data !== undefined ? { dataset: experiment.data } : data,
    texts: size.texts,
    ...(size.tokens !== null && { tokens_per_text: size.tokens }),
  };
  return {
    kind: experiment.kind,
    model,
    ...(!attempt.withoutTexts && texts),
    ...others,
    settings: { ...size.settings, ...attempt.settings },
  };
}

/** What else the numbers depend on than the body. */
export interface Circumstances {
  /** Of the model's files. */
  readonly revision: string;
  /** Of the service. */
  readonly version: string;
  /** Hash of the data set that the body names; null: its texts are in the body, or there are none. */
  readonly data: string | null;
}

/** The same for what gives the same numbers: so that an experiment that was begun is gone on with. */
export function idempotencyKey(body: ExperimentBody, { revision, version, data }: Circumstances): string {
  const hash = createHash("sha256").update(JSON.stringify([body, revision, version, data]));
  return `paper-${hash.digest("hex")}`;
}
