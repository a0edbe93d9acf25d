import { z } from "@hono/zod-openapi";
import { MAX_PAGE } from "../limits.ts";
import { Problem } from "../problem.ts";
import { EXPERIMENT_KINDS } from "./settings.ts";

export const ExperimentState = z
  .enum(["queued", "running", "paused", "completed", "failed", "cancelled"])
  .openapi("ExperimentState");

export const ExperimentKindName = z.enum(EXPERIMENT_KINDS).openapi("ExperimentKind");

const time = z.iso.datetime();

export const ExperimentProgress = z
  .object({
    done: z.int().describe("Texts (layers, for what is of weights alone) that are computed and stored."),
    total: z.int(),
    rate_per_second: z.number().nullable().describe("null: too little has been done to tell."),
    eta_seconds: z.number().nullable(),
  })
  .openapi("ExperimentProgress");

/** What was read, and how much of it. */
const UsedData = z.object({
  dataset: z.string().nullable().describe("null: the request's own texts."),
  sha256: z.string(),
  texts: z.int().describe("How many were used."),
  tokens: z
    .object({ least: z.int(), most: z.int(), all: z.int() })
    .optional()
    .describe("Of the shortest and the longest text, and of all together, BOS included: where each is kept as long as it is."),
});

/** Whether BOS came first in every text, and who had it so. */
export const ExperimentBos = z
  .object({
    prepended: z.boolean(),
    by: z
      .enum(["convention", "request"])
      .describe("convention: the paper's, BOS wherever the model has one; request: prepend_bos said so."),
  })
  .openapi("ExperimentBos");

export const Experiment = z
  .object({
    id: z.string(),
    kind: ExperimentKindName,
    model: z.string(),
    state: ExperimentState,
    reason: z.string().nullable().describe("With paused: what it waits for."),
    progress: ExperimentProgress,
    events: z.int().describe("Events logged so far: the last one's seq."),
    texts: z.int().nullable().describe("null: the kind takes none."),
    tokens_per_text: z.int().nullable(),
    prepend_bos: z.boolean(),
    bos: ExperimentBos,
    seed: z.int(),
    settings: z.record(z.string(), z.unknown()),
    data: UsedData.nullable(),
    revision: z.string().describe("Of the model's files."),
    version: z.string().describe("Of the service that planned it."),
    created_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    error: z.union([Problem, z.null()]).describe("With failed and cancelled."),
  })
  .openapi("Experiment");

export const ExperimentList = z
  .object({
    experiments: z.array(Experiment).describe("Newest first."),
    next: z.string().nullable().describe("Give it as `cursor` for the next page; null: there is none."),
  })
  .openapi("ExperimentList");

/** The query of `GET /v1/experiments`. */
export const ExperimentListQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(50),
  cursor: z.string().max(200).optional(),
  model: z.string().max(200).optional(),
  kind: ExperimentKindName.optional(),
  state: ExperimentState.optional(),
});

const cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** Long form: key columns, `statistic`, then its numbers. */
export const ExperimentRow = z.record(z.string(), cell).openapi("ExperimentRow");

export const ExperimentResult = z
  .object({
    id: z.string(),
    kind: ExperimentKindName,
    model: z.object({
      id: z.string(),
      revision: z.string(),
      family: z.string(),
      n_layers: z.int(),
      d_model: z.int(),
      n_heads: z.int(),
      d_mlp: z.int(),
      vocab_size: z.int(),
    }),
    data: UsedData.nullable(),
    tokens_per_text: z.int().nullable(),
    prepend_bos: z.boolean().nullable(),
    bos: z.union([ExperimentBos, z.null()]).describe("null: there are no texts."),
    seed: z.int(),
    settings: z.record(z.string(), z.unknown()),
    version: z.string(),
    summary: z.record(z.string(), z.unknown()).describe("Headline numbers, by name with unit."),
    columns: z.array(
      z.object({
        name: z.string(),
        type: z.enum(["string", "int", "float", "boolean"]),
        description: z.string(),
      }),
    ),
    rows: z.array(ExperimentRow),
  })
  .openapi("ExperimentResult");

export type Experiment = z.infer<typeof Experiment>;
export type ExperimentState = z.infer<typeof ExperimentState>;
export type ExperimentList = z.infer<typeof ExperimentList>;
export type ExperimentListQuery = z.infer<typeof ExperimentListQuery>;
export type ExperimentResult = z.infer<typeof ExperimentResult>;
export type ExperimentProgress = z.infer<typeof ExperimentProgress>;
