import { z } from "@hono/zod-openapi";
import { MAX_EXPERIMENT_TEXTS, MAX_SEED, MAX_TOKENS } from "../limits.ts";
import { ModelId } from "../run-request.ts";
import { ExperimentData } from "./data.ts";
import { titleOf } from "./kinds.ts";
import { EXPERIMENT_KINDS, type ExperimentKind, SETTINGS } from "./settings.ts";

const common = {
  model: ModelId,
  data: ExperimentData.optional().describe("Required by every kind but neuron-census."),
  texts: z
    .int()
    .min(1)
    .max(MAX_EXPERIMENT_TEXTS)
    .optional()
    .describe("How many: the first ones. By default 64 of a data set (or all it has), all of the request's own."),
  tokens_per_text: z
    .int()
    .min(2)
    .max(MAX_TOKENS)
    .optional()
    .describe(
      "Each text is cut to so many, BOS included. By default 128, or as many as all texts have; with keep whole texts, as far as the context.",
    ),
  short_texts: z
    .enum(["error", "skip", "keep"])
    .default("error")
    .describe("What becomes of texts that are shorter: refused, passed over, or each taken as long as it is."),
  prepend_bos: z
    .boolean()
    .optional()
    .describe(
      "Default true where the model has a BOS, as in the paper and unlike in runs; never doubled. With it, position 0 is left out of every statistic.",
    ),
  seed: z.int().min(0).max(MAX_SEED).default(0),
};

const schemaName = (kind: string) => `${kind.replace(/(^|-)(.)/g, (_, _dash, letter: string) => letter.toUpperCase())}Experiment`;

function requestOf(kind: ExperimentKind) {
  const settings = SETTINGS[kind] as z.ZodType<Readonly<Record<string, unknown>>, Record<string, unknown>>;
  return z
    .strictObject({ kind: z.literal(kind), ...common, settings: settings.prefault({}) })
    .openapi(schemaName(kind), { description: `${titleOf(kind)}.` });
}

type OneKind = ReturnType<typeof requestOf>;

/** The body of `POST /v1/experiments`. */
export const ExperimentRequest = z
  .discriminatedUnion("kind", EXPERIMENT_KINDS.map(requestOf) as [OneKind, ...OneKind[]])
  .openapi("ExperimentRequest");

export type ExperimentRequest = z.output<typeof ExperimentRequest>;
export type ExperimentRequestInput = z.input<typeof ExperimentRequest>;
