import { z } from "@hono/zod-openapi";
import { Problem } from "./problem.ts";
import { Tensor } from "./tensor.ts";
import { FollowedToken, measured, TargetToken, Token, TopToken } from "./token.ts";

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

const hash = z.string().describe("Of its contents.");
const amount = {
  times: z.number(),
  scale_by: z.literal("residual").optional().describe("times counts mean norms of the layer's untouched residual stream."),
};

/** What is added at a site, in the normal form. */
export const Addition = z
  .discriminatedUnion("from", [
    z.object({ from: z.literal("vector"), hash, ...amount }).openapi("VectorAddition"),
    z
      .object({
        from: z.literal("direction"),
        toward: z.int().nullable().describe("A token's id."),
        away: z.int().nullable(),
        ...amount,
      })
      .openapi("DirectionAddition"),
    z
      .object({ from: z.literal("mean"), hash: z.string().describe("Of the texts, in meta.means."), ...amount })
      .openapi("MeanAddition"),
    z
      .object({ from: z.literal("source"), hash: z.string().describe("Of a prompt, in meta.sources."), ...amount })
      .openapi("SourceAddition"),
  ])
  .openapi("Addition");

/** A component that is changed in a step, in the normal form. */
export const Scale = z
  .object({
    block: z.int(),
    site: z.enum(["resid_pre", "head", "attn", "neuron", "mlp", "resid_post"]),
    head: z.int().optional(),
    neurons: z.array(z.int()).optional().describe("At site neuron: ascending; absent: all."),
    scale: z.number().describe("What is there is multiplied with this."),
    add: z.array(Addition).optional().describe("And then these are added, where there are any."),
    positions: z.array(z.int()).optional().describe("Places in meta.tokens, ascending; absent: all."),
  })
  .openapi("Scale");

export const Step = z
  .object({
    blocks: z.array(z.int()).describe("The block that runs; several are a parallel group."),
    component: z.enum(["attn", "mlp"]).optional().describe("Only this half runs; absent: both."),
    scales: z.array(Scale).optional().describe("Only what differs from 1, or is added to."),
  })
  .openapi("Step");

/** The normal form of one variant: what runs, in order. */
export const Variant = z
  .object({ name: z.string(), steps: z.array(Step), hash: z.string().describe("Equal hashes: the same computation.") })
  .openapi("Variant");

export const Readout = z
  .object({
    position: z.int(),
    top: z.array(TopToken).describe("Most likely first, of the tokens that exist. Log-probabilities are natural."),
    top_is_padding: z.literal(true).optional().describe("A row of padding is likelier than all tokens; it is not among them."),
    entropy_bits: measured,
    target: z.union([TargetToken, z.null()]).describe("The prompt's next token; null at the end."),
    targets: z.array(FollowedToken).optional().describe("The tokens asked for, in their order."),
    logit_diff: z.array(measured).optional().describe("Of the targets in pairs: logit of the first minus logit of the second."),
    patch_effect: z
      .array(measured)
      .optional()
      .describe("Of a patch sweep's last steps, per pair of targets: (Δ − Δ_baseline) / (Δ_source − Δ_baseline)."),
  })
  .openapi("Readout");

export const Norms = z
  .object({
    position: z.int(),
    attn_out: measured.describe("Euclidean norm; null: the component did not run."),
    mlp_out: measured,
    resid_post: measured,
  })
  .openapi("Norms");

export const Pattern = z
  .object({ layer: z.int(), weights: z.array(z.array(z.array(measured))).describe("[head][query][key], after the softmax.") })
  .openapi("Pattern");

export const AttentionLocality = z
  .object({
    layer: z.int(),
    per_cell: z.array(z.array(measured)).describe("[k − 1][head]: the mean over (query, offset 1 … k) cells."),
    total: z.array(z.array(measured)).describe("[k − 1][head]: the mean over queries of the sum over offsets."),
    total_without_bos: z.array(z.array(measured)),
  })
  .openapi("AttentionLocality");

export const HeadNorms = z
  .object({
    layer: z.int(),
    norms: z.array(z.array(measured)).describe("[position read out][head]: ‖z_h W_O[h]‖₂ of what each head wrote."),
  })
  .openapi("HeadNorms");

export const NeuronActivations = z
  .object({
    layer: z.int(),
    positions: z
      .array(z.object({ position: z.int(), ids: z.array(z.int()), values: z.array(measured) }).openapi("NeuronsAtPosition"))
      .describe("The neurons named, ascending, and then the most active, by falling absolute value."),
  })
  .openapi("NeuronActivations", { description: "Activations of neurons: what the MLP's output projection reads." });

export const ComponentOutputs = z
  .object({
    layer: z.int(),
    attn_out: z.union([Tensor, z.null()]).describe("[position read out, d_model]; null: it did not run."),
    mlp_out: z.union([Tensor, z.null()]),
  })
  .openapi("ComponentOutputs");

const perTarget = z.array(z.array(measured)).describe("[position read out][target], in logits.");
const perTargetOrNull = z.union([perTarget, z.null()]).describe("null: it did not run, or there is none.");

/** What each part wrote towards the targets. */
export const Attribution = z
  .object({
    embedding: perTarget,
    bias: z.array(measured).describe("[target]: of the final norm and the unembedding."),
    steps: z.array(
      z
        .object({
          step: z.int(),
          blocks: z.array(
            z
              .object({
                layer: z.int(),
                attn: perTargetOrNull,
                mlp: perTargetOrNull,
                heads: z
                  .union([z.array(z.array(z.array(measured))), z.null()])
                  .describe(
                    "[position read out][head][target]. What the output projection's bias wrote is in attn, and in no head.",
                  ),
              })
              .openapi("BlockAttribution"),
          ),
          edit: perTargetOrNull.describe("What edits of the residual stream itself added; null: there are none."),
        })
        .openapi("StepAttribution"),
    ),
  })
  .openapi("Attribution", {
    description:
      "Direct logit attribution: what each part wrote along γ_f ⊙ W_U[target], divided by the final norm's scale of this variant. embedding + Σ (attn + mlp + edit) + bias = the target's logit.",
  });

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

export type Addition = z.infer<typeof Addition>;
export type Scale = z.infer<typeof Scale>;
export type Step = z.infer<typeof Step>;
export type Variant = z.infer<typeof Variant>;
export type Readout = z.infer<typeof Readout>;
export type Norms = z.infer<typeof Norms>;
export type Pattern = z.infer<typeof Pattern>;
export type AttentionLocality = z.infer<typeof AttentionLocality>;
export type Attribution = z.infer<typeof Attribution>;
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
