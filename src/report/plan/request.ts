/** From what is asked of a report and the catalogue to the bodies of `POST /v1/experiments`. */
import { createHash } from "node:crypto";
import type { ExperimentKind } from "../../schemas/experiments/settings.ts";
import type { Attempt, PaperExperiment, Size } from "./catalogue.ts";

/** What is asked for; the service checks the rest. */
export interface ExperimentBody {
  readonly kind: ExperimentKind;
  readonly model: string;
  readonly [field: string]: unknown;
}

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
  /** Of the code that computes. */
  readonly version: string;
  /** Hash of the data set that the body names; null: its texts are in the body, or there are none. */
  readonly data: string | null;
}

/** The same for what gives the same numbers: so that an experiment that was begun is gone on with. */
export function idempotencyKey(body: ExperimentBody, { revision, version, data }: Circumstances): string {
  const hash = createHash("sha256").update(JSON.stringify([body, revision, version, data]));
  return `paper-${hash.digest("hex")}`;
}
