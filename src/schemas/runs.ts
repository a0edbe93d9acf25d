import { z } from "@hono/zod-openapi";
import {
  BosInfo,
  ChatInfo,
  DoneEvent,
  ErrorEvent,
  LayerEvent,
  MeanInfo,
  MetaEvent,
  ResultEvent,
  SourceInfo,
  Token,
} from "./events.ts";
import { MAX_PAGE } from "./limits.ts";
import { Variant } from "./normal-form.ts";
import { Problem } from "./problem.ts";

export const RunState = z.enum(["queued", "running", "completed", "failed", "cancelled"]).openapi("RunState");

const time = z.iso.datetime();

export const RunSummary = z
  .object({
    id: z.string(),
    model: z.string(),
    state: RunState,
    detached: z.boolean().describe("Started with Prefer: respond-async: belongs to nobody's connection."),
    prompt_tokens: z.int(),
    variants: z.int().describe("How many, the baseline included."),
    events: z.int().describe("Events logged so far: the last one's seq."),
    created_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    error: z.union([Problem, z.null()]).describe("With failed and cancelled."),
  })
  .openapi("RunSummary");

export const RunList = z
  .object({
    runs: z.array(RunSummary).describe("Newest first."),
    next: z.string().nullable().describe("Give it as `cursor` for the next page; null: there is none."),
  })
  .openapi("RunList");

/** The query of `GET /v1/runs`. */
export const RunListQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(50),
  cursor: z.string().max(200).optional(),
  model: z.string().max(200).optional(),
  state: RunState.optional(),
});

export const RunCost = z
  .object({
    rows: z.int().describe("Residual streams: one per variant."),
    row_blocks: z.int().describe("Blocks that rows run through, prefixes that variants share counted once."),
    block_calls: z.int().describe("Calls of a block that these need when they wait for one another: an estimate."),
    readout_rows: z.int().describe("Positions that are multiplied with the vocabulary."),
    flops: z.number(),
  })
  .openapi("RunCost");

/** The answer to `?dry_run=true`: nothing was run. */
export const RunPlan = z
  .object({
    model: z.string(),
    tokens: z.array(Token),
    bos: BosInfo,
    chat: ChatInfo.optional(),
    positions: z.array(z.int()),
    variants: z.array(Variant),
    sources: z.array(SourceInfo).optional(),
    means: z.array(MeanInfo).optional(),
    cost: RunCost,
    memory_bytes: z.int().describe("What the run would hold beside the model."),
    event_bytes: z.int().describe("Text of its events."),
    patterns: z
      .object({ memory_bytes: z.int(), event_bytes: z.int() })
      .describe("What attention patterns would take of both: they grow with the square of the prompt. 0 without them."),
  })
  .openapi("RunPlan");

/** The answer as `application/json`: the stream's messages, gathered. */
export const RunDocument = z
  .object({
    meta: MetaEvent,
    layers: z.array(LayerEvent),
    result: ResultEvent.optional(),
    done: DoneEvent.optional().describe("Either this or error."),
    error: ErrorEvent.optional(),
  })
  .openapi("RunDocument");

export type RunState = z.infer<typeof RunState>;
export type RunSummary = z.infer<typeof RunSummary>;
export type RunList = z.infer<typeof RunList>;
export type RunListQuery = z.infer<typeof RunListQuery>;
export type RunCost = z.infer<typeof RunCost>;
export type RunPlan = z.infer<typeof RunPlan>;
export type RunDocument = z.infer<typeof RunDocument>;
