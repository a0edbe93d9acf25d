/** What a layer's event can carry: read-outs, norms, and whatever else is captured. */
import { z } from "@hono/zod-openapi";
import { Tensor } from "./tensor.ts";
import { FollowedToken, measured, TargetToken, TopToken } from "./token.ts";

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

export type Readout = z.infer<typeof Readout>;
export type Norms = z.infer<typeof Norms>;
export type Pattern = z.infer<typeof Pattern>;
export type AttentionLocality = z.infer<typeof AttentionLocality>;
export type Attribution = z.infer<typeof Attribution>;
