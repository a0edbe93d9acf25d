import { z } from "@hono/zod-openapi";
import {
  AttentionLocality,
  Attribution,
  ComponentOutputs,
  HeadNorms,
  NeuronActivations,
  Norms,
  Pattern,
  Readout,
} from "./captures.ts";
import { Variant } from "./normal-form.ts";
import { Problem } from "./problem.ts";
import { Tensor } from "./tensor.ts";
import { measured, Token } from "./token.ts";

export { Tensor } from "./tensor.ts";
export { Token } from "./token.ts";

const seq = z.int().min(1).describe("Increases by one per event; the same as the id of the server-sent event.");
/** Where a step stands, of layer events and of what the result says of layers. */
const place = {
  step: z.int().describe("0: the embedding; n: after the variant's n-th step."),
  index: z
    .int()
    .describe("The same number, never null: 0 for the embedding, then 1, 2, … by step. Of the untouched model it is layer + 1."),
  layer: z
    .union([z.int(), z.array(z.int()), z.null()])
    .describe("The block, 0-based; null: the embedding (−1 in experiments); a list: a parallel group."),
};

/** Whether BOS was put before the tokens, and who had it so. */
export const BosInfo = z
  .object({
    prepended: z.boolean().describe("false where there is none, and where the tokens begin with it anyway."),
    by: z
      .enum(["tokenizer", "request"])
      .describe(
        "request: prepend_bos said so, or the tokens are the request's own; tokenizer: what the model's own does with a text, or a chat.",
      ),
  })
  .openapi("BosInfo");

/** What the model's chat template made of messages. */
export const ChatInfo = z
  .object({
    text: z.string().describe("The rendered text, whose tokens are run. A template writes BOS itself where it wants it."),
    add_generation_prompt: z.boolean(),
    template_arguments: z.record(z.string(), z.unknown()),
  })
  .openapi("ChatInfo");

/** A prompt that patches take values from. */
export const SourceInfo = z.object({ hash: z.string(), tokens: z.array(Token) }).openapi("SourceInfo");

/** Texts that a mean is taken over, at positions 1 and up. */
export const MeanInfo = z
  .object({
    hash: z.string(),
    dataset: z.string().nullable().describe("null: the request's own texts."),
    sha256: z.string().nullable().describe("Of the data set's file."),
    texts: z.int(),
    tokens: z.int().describe("Of all texts, BOS included."),
    tokens_per_text: z.int().nullable().describe("null: whole texts."),
  })
  .openapi("MeanInfo");

export const RunModel = z
  .object({
    id: z.string(),
    family: z.string(),
    revision: z.string().nullable().describe("Hash of the model's files."),
    n_layers: z.int(),
    d_model: z.int(),
    n_heads: z.int(),
    d_mlp: z.int(),
    vocab_size: z.int(),
    device: z.string(),
    precision: z.string(),
  })
  .openapi("RunModel");

export const MetaEvent = z
  .object({
    type: z.literal("meta"),
    seq,
    schema_version: z.literal(1),
    run_id: z.string(),
    model: RunModel,
    tokens: z.array(Token),
    bos: BosInfo,
    chat: ChatInfo.optional().describe("With messages."),
    positions: z.array(z.int()).describe("The positions read out."),
    variants: z.array(Variant),
    sources: z.array(SourceInfo).optional().describe("Prompts that patches take values from."),
    means: z.array(MeanInfo).optional().describe("What means are taken over."),
  })
  .openapi("MetaEvent", { description: "First: what runs." });

export const LayerEvent = z
  .object({
    type: z.literal("layer"),
    seq,
    variant: z.string(),
    ...place,
    readout: z.array(Readout).optional(),
    norms: z.array(Norms).optional(),
    patterns: z.array(Pattern).optional(),
    attention_locality: z.array(AttentionLocality).optional(),
    head_norms: z.array(HeadNorms).optional(),
    neurons: z.array(NeuronActivations).optional(),
    residual: Tensor.optional().describe("[position read out, d_model]: the residual stream after the step."),
    components: z.array(ComponentOutputs).optional(),
  })
  .openapi("LayerEvent", { description: "A step has run: sent as soon as it has." });

export const VariantResult = z
  .object({
    name: z.string(),
    layers: z
      .array(z.object({ ...place, kl_final_nats: z.array(measured).describe("KL(final ‖ this step), per position.") }))
      .describe("Of the steps that were read out."),
    final: z.array(Readout),
    attribution: Attribution.optional(),
  })
  .openapi("VariantResult");

export const Comparison = z
  .object({
    variant: z.string(),
    position: z.int(),
    kl_nats: measured.describe("KL(baseline ‖ variant)."),
    top1_agreement: z.boolean(),
    entropy_change_bits: measured,
    loss_change_nats: measured.describe("null where the prompt has no next token."),
    patch_effect: z
      .array(measured)
      .optional()
      .describe(
        "Of a patch sweep, per pair of targets: (Δ − Δ_baseline) / (Δ_source − Δ_baseline) of their logit differences Δ.",
      ),
  })
  .openapi("Comparison");

export const ResultEvent = z
  .object({
    type: z.literal("result"),
    seq,
    variants: z.array(VariantResult),
    comparison: z.array(Comparison),
    source: z.array(Readout).optional().describe("Of a patch sweep: the source prompt's final read-outs."),
  })
  .openapi("ResultEvent", { description: "All variants have run: how they compare with the baseline." });

export const TimingMs = z
  .object({
    queue: z.number(),
    tokenize: z.number(),
    means: z.number().optional().describe("Computing means, or finding them, where there are any."),
    engine: z.number(),
    total: z.number(),
  })
  .openapi("TimingMs");

export const DoneEvent = z
  .object({ type: z.literal("done"), seq, run_id: z.string(), timing_ms: TimingMs })
  .openapi("DoneEvent", { description: "Last, when all went well." });

export const ErrorEvent = z
  .object({ type: z.literal("error"), seq, run_id: z.string(), problem: Problem })
  .openapi("ErrorEvent", { description: "Last, when the run failed or was cancelled." });

/** Any message of a run's stream. */
export const RunEvent = z
  .discriminatedUnion("type", [MetaEvent, LayerEvent, ResultEvent, DoneEvent, ErrorEvent])
  .openapi("RunEvent", {
    description: "meta, then layer events, then result, then done or error: exactly one of the two, last.",
  });

export type BosInfo = z.infer<typeof BosInfo>;
export type ChatInfo = z.infer<typeof ChatInfo>;
export type SourceInfo = z.infer<typeof SourceInfo>;
export type MeanInfo = z.infer<typeof MeanInfo>;
export type RunModel = z.infer<typeof RunModel>;
export type MetaEvent = z.infer<typeof MetaEvent>;
export type LayerEvent = z.infer<typeof LayerEvent>;
export type VariantResult = z.infer<typeof VariantResult>;
export type Comparison = z.infer<typeof Comparison>;
export type ResultEvent = z.infer<typeof ResultEvent>;
export type TimingMs = z.infer<typeof TimingMs>;
export type DoneEvent = z.infer<typeof DoneEvent>;
export type ErrorEvent = z.infer<typeof ErrorEvent>;
export type RunEvent = z.infer<typeof RunEvent>;
