import { z } from "@hono/zod-openapi";
import {
  MAX_POSITIONS,
  MAX_PROMPT_CHARS,
  MAX_TARGET_CHARS,
  MAX_TARGETS,
  MAX_TOKEN_ID,
  MAX_TOKENS,
  MAX_TOP_K,
  MAX_VARIANTS,
} from "./limits.ts";
import { Operations } from "./operations.ts";
import { unavailableCapture, unavailableSweep } from "./unavailable.ts";

/** A model's id: a folder of MODELS_DIR, or a hub name, spelled `org--name` in paths. */
export const ModelId = z
  .string()
  .min(1)
  .max(200)
  .openapi({ examples: ["prose-6m"] });

export const Prompt = z.string().max(MAX_PROMPT_CHARS);
export const TokenIds = z.array(z.int().min(0).max(MAX_TOKEN_ID)).min(1).max(MAX_TOKENS);

const VARIANT_NAME = /^[A-Za-z0-9][A-Za-z0-9 ._+,:()-]{0,63}$/;

const variantName = z.string().regex(VARIANT_NAME, {
  error: (issue) =>
    `${JSON.stringify(String(issue.input).slice(0, 80))} is not a name: 1 to 64 letters, digits, spaces and . _ + , : ( ) -, the first a letter or digit`,
});

/** Named lists of operations, one variant each. */
export const Variants = z.record(variantName, Operations).openapi("Variants", {
  description: `Named lists of operations, at most ${MAX_VARIANTS}. All variants share one pass over the weights. No variant may be called baseline.`,
});

/** Every single deletion, every adjacent swap, or both. */
export const Sweep = z
  .array(z.enum(["delete", "swap"]), { error: (issue) => unavailableSweep(issue.input) })
  .min(1)
  .max(2);

export const ReadoutRequest = z
  .strictObject({
    positions: z
      .union([z.enum(["last", "all"]), z.array(z.int().min(-MAX_TOKENS).max(MAX_TOKENS)).min(1).max(MAX_POSITIONS)])
      .default("last")
      .describe('"last", "all", or places in meta.tokens, BOS included; negative ones count from the end.'),
    layers: z.enum(["all", "final"]).default("all").describe("final: only the last step of each variant is read out."),
    top_k: z.int().min(1).max(MAX_TOP_K).default(10),
    lens: z
      .enum(["standard", "frozen-norm"])
      .default("standard")
      .describe("frozen-norm: every layer is divided by the last one's norm; its events come when a variant has run."),
    targets: z
      .array(z.union([z.string().min(1).max(MAX_TARGET_CHARS), z.int().min(0).max(MAX_TOKEN_ID)]))
      .max(MAX_TARGETS)
      .default([])
      .describe("Tokens to follow through the layers: the text of one token, or its id. Pairs in order give logit_diff."),
  })
  .openapi("ReadoutRequest");

/** What a layer's event can carry beside its read-out. */
export const CaptureName = z.enum(["norms", "patterns", "attention_locality"], {
  error: (issue) => unavailableCapture(issue.input),
});

/** The body of `POST /v1/runs`. */
export const RunRequest = z
  .strictObject({
    model: ModelId,
    prompt: Prompt.optional().describe("The text to run. Either this or tokens."),
    tokens: TokenIds.optional().describe("Token ids, which bypass the tokenizer. Either this or prompt."),
    prepend_bos: z
      .boolean()
      .optional()
      .describe("Default true with a prompt, false with tokens; never doubled. A model without BOS: false, and true is refused."),
    interventions: Operations.optional().describe("One variant, named intervened."),
    variants: Variants.optional(),
    sweep: Sweep.optional().describe(
      "Every single deletion (delete.0 …), every swap of neighbours (swap.0 …, named by the first of the two), or both.",
    ),
    baseline: z.boolean().default(true).describe("Also run it untouched, and compare."),
    readout: ReadoutRequest.prefault({}),
    capture: z.array(CaptureName).max(8).default(["norms"]),
  })
  .superRefine((request, context) => {
    const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if (request.prompt !== undefined && request.tokens !== undefined) refuse("tokens", "give either prompt or tokens, not both");
    if (request.prompt === undefined && request.tokens === undefined)
      refuse("prompt", "is required: a prompt, or tokens in its place");
    const ways = (["interventions", "variants", "sweep"] as const).filter((way) => request[way] !== undefined);
    for (const way of ways.slice(1)) refuse(way, `${ways[0]} and ${way} exclude each other: give one of them`);
    const count = Object.keys(request.variants ?? {}).length;
    if (request.variants && count === 0) refuse("variants", "an object of 0 variants is less than the least allowed, 1");
    if (count > MAX_VARIANTS) refuse("variants", `an object of ${count} variants is more than the most allowed, ${MAX_VARIANTS}`);
  })
  .openapi("RunRequest");

export type Variants = z.infer<typeof Variants>;
export type Sweep = z.infer<typeof Sweep>;
export type CaptureName = z.infer<typeof CaptureName>;
export type ReadoutRequest = z.infer<typeof ReadoutRequest>;
/** A run as it was asked for, defaults filled in. */
export type RunRequest = z.infer<typeof RunRequest>;
/** A run as a client writes it. */
export type RunRequestInput = z.input<typeof RunRequest>;
