import { z } from "@hono/zod-openapi";
import { chatFields, checkPrompt } from "./chat.ts";
import { MAX_POSITIONS, MAX_TARGETS, MAX_TOKENS, MAX_TOP_K, MAX_TOP_NEURONS, MAX_VARIANTS } from "./limits.ts";
import { Heads, Layers, Neurons, Operations, PatchComponent, Positions } from "./operations.ts";
import { Prompt, TokenIds } from "./prompt.ts";
import { PatchSource } from "./source.ts";
import { TokenName } from "./token-name.ts";

/** A model's id: a folder of MODELS_DIR, or a hub name, spelled `org--name` in paths. */
export const ModelId = z
  .string()
  .min(1)
  .max(200)
  .openapi({ examples: ["prose-6m"] });

const VARIANT_NAME = /^[A-Za-z0-9][A-Za-z0-9 ._+,:()-]{0,63}$/;

const variantName = z.string().regex(VARIANT_NAME, {
  error: (issue) =>
    `${JSON.stringify(String(issue.input).slice(0, 80))} is not a name: 1 to 64 letters, digits, spaces and . _ + , : ( ) -, the first a letter or digit`,
});

/** Named lists of operations, one variant each. */
export const Variants = z.record(variantName, Operations).openapi("Variants", {
  description: `Named lists of operations, at most ${MAX_VARIANTS}. All variants share one pass over the weights. No variant may be called baseline.`,
});

/** One variant per layer and position, or per layer and head, each with that one place patched. */
export const PatchSweep = z
  .strictObject({
    op: z.literal("patch"),
    component: PatchComponent,
    layers: Layers.optional().describe("Every layer, when nothing is said."),
    positions: Positions.default("all").describe("One variant each; with component head, where the heads are patched."),
    heads: Heads.optional().describe("With component head, and only then: one variant each; every head, when nothing is said."),
    source: PatchSource,
  })
  .openapi("PatchSweep", {
    description:
      "One variant per cell, named patch.layer.position (patch.layer.head with component head). Needs the baseline and targets in pairs: patch_effect is (Δ − Δ_baseline) / (Δ_source − Δ_baseline) of their logit differences Δ.",
  });

/** Every single deletion, every adjacent swap, or both; or every cell of a patch. */
export const Sweep = z.union([
  z
    .array(z.enum(["delete", "swap"]))
    .min(1)
    .max(2),
  PatchSweep,
]);

export const ReadoutRequest = z
  .strictObject({
    positions: z
      .union([z.enum(["last", "all"]), z.array(z.int().min(-MAX_TOKENS).max(MAX_TOKENS)).min(1).max(MAX_POSITIONS)])
      .default("last")
      .describe('"last", "all", or places in meta.tokens, BOS included; negative ones count from the end.'),
    layers: z
      .enum(["all", "final"])
      .default("all")
      .describe(
        "final: only the last step of each variant is read out; other steps have an event only where something is captured.",
      ),
    top_k: z.int().min(1).max(MAX_TOP_K).default(10),
    lens: z
      .enum(["standard", "frozen-norm"])
      .default("standard")
      .describe(
        "frozen-norm: every layer is divided by the last one's norm, and every bias of the final norm and the unembedding is left out, as in the paper's first version. It holds for all that is read out, the final distribution and comparisons too: with a model that has such biases they are not the model's own output. Its events come when a variant has run.",
      ),
    targets: z
      .array(TokenName)
      .max(MAX_TARGETS)
      .default([])
      .describe("Tokens to follow through the layers: the text of one token, or its id. Pairs in order give logit_diff."),
  })
  .openapi("ReadoutRequest");

/** What events can carry beside read-outs. */
export const CaptureName = z.enum([
  "norms",
  "patterns",
  "attention_locality",
  "head_norms",
  "neurons",
  "residuals",
  "components",
  "attribution",
]);

/** Which neurons' activations a capture gives. */
export const NeuronCapture = z
  .strictObject({
    top: z.int().min(1).max(MAX_TOP_NEURONS).optional().describe("So many of the most active by absolute value, per position."),
    layers: Layers.optional().describe("Every layer, when nothing is said."),
    neurons: Neurons.max(MAX_TOP_NEURONS).optional().describe("These, before the most active ones."),
  })
  .superRefine(({ top, neurons }, context) => {
    if (top === undefined && neurons === undefined)
      context.addIssue({ code: "custom", path: ["top"], message: "is required: a number of neurons, or neurons by name" });
  })
  .openapi("NeuronCapture");

/** A capture by its name, or one that says more. */
export const Capture = z.union([CaptureName, z.strictObject({ neurons: NeuronCapture })]);

/** The body of `POST /v1/runs`. */
export const RunRequest = z
  .strictObject({
    model: ModelId,
    prompt: Prompt.optional().describe("The text to run. Either this, tokens or messages."),
    tokens: TokenIds.optional().describe("Token ids, which bypass the tokenizer."),
    ...chatFields,
    prepend_bos: z
      .boolean()
      .optional()
      .describe(
        "By default what the model's own tokenizer does with a prompt, which `GET /v1/models/{model}` tells; false with tokens and messages. true and false force it. Never doubled; true is refused for a model without BOS.",
      ),
    interventions: Operations.optional().describe("One variant, named intervened."),
    variants: Variants.optional(),
    sweep: Sweep.optional().describe(
      "Every single deletion (delete.0 …), every swap of neighbours (swap.0 …, named by the first of the two), or both; or one patch per cell.",
    ),
    baseline: z.boolean().default(true).describe("Also run it untouched, and compare."),
    readout: ReadoutRequest.prefault({}),
    capture: z
      .array(Capture)
      .max(16)
      .optional()
      .describe(
        'Default ["norms"], and [] with readout.layers "final": captures are of every step. Beside the names, { "neurons": … } says which; "neurons" alone gives the ten most active. attribution comes with the result and needs readout.targets.',
      ),
  })
  .superRefine((request, context) => {
    const refuse = (path: string | (string | number)[], message: string) =>
      context.addIssue({ code: "custom", path: [path].flat(), message });
    checkPrompt(request, ["prompt", "tokens"], context);
    const ways = (["interventions", "variants", "sweep"] as const).filter((way) => request[way] !== undefined);
    for (const way of ways.slice(1)) refuse(way, `${ways[0]} and ${way} exclude each other: give one of them`);
    const count = Object.keys(request.variants ?? {}).length;
    if (request.variants && count === 0) refuse("variants", "an object of 0 variants is less than the least allowed, 1");
    if (count > MAX_VARIANTS) refuse("variants", `an object of ${count} variants is more than the most allowed, ${MAX_VARIANTS}`);
    const targets = request.readout.targets.length;
    if (request.sweep && !Array.isArray(request.sweep)) {
      if (!request.baseline) refuse("baseline", "is false, but a patch sweep is measured against the baseline");
      if (targets === 0 || targets % 2 === 1)
        refuse(
          ["readout", "targets"],
          `a patch sweep compares targets in pairs: ${targets} ${targets === 1 ? "is" : "are"} given`,
        );
    }
    const capture = request.capture ?? [];
    const at = capture.indexOf("attribution");
    if (at >= 0 && targets === 0) refuse(["capture", at], "attribution is of tokens: it needs readout.targets, and 0 are given");
    const neurons = capture.filter((one) => one === "neurons" || typeof one === "object");
    if (neurons.length > 1)
      refuse(["capture", capture.lastIndexOf(neurons.at(-1) as Capture)], "neurons is captured once: name it once");
  })
  .openapi("RunRequest");

export type Variants = z.infer<typeof Variants>;
export type Sweep = z.infer<typeof Sweep>;
export type PatchSweep = z.infer<typeof PatchSweep>;
export type CaptureName = z.infer<typeof CaptureName>;
export type NeuronCapture = z.infer<typeof NeuronCapture>;
export type Capture = z.infer<typeof Capture>;
export type ReadoutRequest = z.infer<typeof ReadoutRequest>;
/** What is captured when nothing is said: a read-out of last steps alone is not to come with events of all. */
export function defaultCapture({ layers }: Pick<ReadoutRequest, "layers">): readonly Capture[] {
  return layers === "final" ? [] : ["norms"];
}

/** A run as it was asked for, defaults filled in. */
export type RunRequest = z.infer<typeof RunRequest>;
/** A run as a client writes it. */
export type RunRequestInput = z.input<typeof RunRequest>;
