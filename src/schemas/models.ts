import { z } from "@hono/zod-openapi";
import { OPERATION_NAMES } from "./operations.ts";
import { Problem } from "./problem.ts";
import { CaptureName } from "./run-request.ts";

export const ModelState = z.enum(["available", "downloading", "loading", "ready", "failed"]).openapi("ModelState");

export const ModelLimits = z
  .object({
    max_tokens: z.int().describe("Tokens of a prompt, BOS included."),
    max_top_k: z.int(),
    max_targets: z.int(),
    max_variants: z.int(),
    max_operations: z.int(),
    max_steps: z.int(),
  })
  .openapi("ModelLimits");

export const FileDownload = z
  .object({
    path: z.string(),
    state: z.enum(["waiting", "checking", "downloading", "completed"]),
    done_bytes: z.int().describe("Received, or with `checking` read of what was there already."),
    total_bytes: z.int(),
  })
  .openapi("FileDownload");

export const ModelDownload = z
  .object({
    repo: z.string(),
    revision: z.string(),
    commit: z.string().nullable().describe("null until the hub has said what the revision is."),
    state: z
      .enum(["resolving", "waiting", "downloading", "completed", "failed"])
      .describe("`waiting`: another process downloads the same model."),
    done_bytes: z.int(),
    total_bytes: z.int().describe("Of the files known so far: shards are known once their index has come."),
    files: z.array(FileDownload).describe("In the order of their download."),
  })
  .openapi("ModelDownload");

const size = z.int().nullable().describe("null where the checkpoint could not be read.");

export const ModelBos = z
  .object({
    id: z.int(),
    text: z.string(),
    prepended_by_default: z
      .boolean()
      .describe("Whether the model's own tokenizer puts it before a text: what happens without prepend_bos."),
  })
  .openapi("ModelBos");

export const ModelChat = z
  .object({
    file: z.string().describe("Where the template stands in the model's folder."),
    arguments: z.array(z.string()).describe("Names that template_arguments may have."),
    problem: z.string().nullable().describe("Why it cannot be used; null: it can."),
  })
  .openapi("ModelChat");

export const ModelInfo = z
  .object({
    id: z.string(),
    family: z.string().nullable(),
    revision: z.string().nullable().describe("Hash of the model's files; null until it has been computed."),
    n_layers: size,
    d_model: size,
    n_heads: size,
    d_mlp: size,
    vocab_size: size,
    context_length: size,
    device: z.string().nullable().describe("Where it runs; null until it is loaded."),
    precision: z.string().nullable().describe("What its blocks compute in; null until it is loaded."),
    weights: z.enum(["packed", "mapped"]).nullable(),
    half: z
      .enum(["kept", "folded"])
      .nullable()
      .describe("Half-type weights: kept as stored and cast in every call, or float32 copies; null: none, or not loaded."),
    state: ModelState,
    problem: z.union([Problem, z.null()]).describe("Why it cannot be served, with failed."),
    download: z.union([ModelDownload, z.null()]).describe("Its download from the hub, with downloading; and when that failed."),
    memory_bytes: z.int().describe("Held now; 0 while it is not loaded."),
    limits: ModelLimits,
    bos: z
      .union([ModelBos, z.null()])
      .describe("The token that a text can begin with; null: there is none, or the tokenizer could not be read."),
    chat: z.union([ModelChat, z.null()]).describe("Its chat template; null: it has none, and takes no messages."),
    captures: z.array(CaptureName).describe("What can be captured."),
    operations: z.array(z.enum(OPERATION_NAMES as [string, ...string[]])).describe("What can be intervened with."),
  })
  .openapi("ModelInfo");

export const ModelList = z.object({ models: z.array(ModelInfo) }).openapi("ModelList");

/** What is sent of a model that is being downloaded: its progress, and the model when that is over. */
export const ModelEvent = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("download"), seq: z.int(), id: z.string(), download: ModelDownload }).openapi("DownloadEvent"),
    z.object({ type: z.literal("model"), seq: z.int(), model: ModelInfo }).openapi("ModelInfoEvent"),
  ])
  .openapi("ModelEvent");

export type ModelDownload = z.infer<typeof ModelDownload>;
export type ModelEvent = z.infer<typeof ModelEvent>;
export type ModelBos = z.infer<typeof ModelBos>;
export type ModelChat = z.infer<typeof ModelChat>;
export type ModelState = z.infer<typeof ModelState>;
export type ModelLimits = z.infer<typeof ModelLimits>;
export type ModelInfo = z.infer<typeof ModelInfo>;
export type ModelList = z.infer<typeof ModelList>;
