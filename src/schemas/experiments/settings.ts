/** The settings of every kind of experiment, with their defaults. */
import { z } from "@hono/zod-openapi";
import { MAX_POSITIONS, MAX_TIMES, MAX_TOKENS } from "../limits.ts";
import { Mean } from "../mean.ts";
import { Layers } from "../operations.ts";
import { Variants } from "../run-request.ts";

const some = <const T extends [string, ...string[]]>(names: T) =>
  z
    .array(z.enum(names))
    .min(1)
    .max(names.length)
    .refine((list) => new Set(list).size === list.length, { error: "names one twice" })
    .default([...names] as T[number][]);

const lens = z
  .enum(["standard", "frozen-norm"])
  .default("standard")
  .describe("standard: each layer's own norm; frozen-norm: the last layer's for all, and no bias, as the paper's first version.");

const strength = z
  .number()
  .positive()
  .max(1e9)
  .default(1)
  .describe("Inverse strength of the L2 penalty, as scikit-learn's C, on standardised inputs.");

export const SETTINGS = {
  "layer-interventions": z.strictObject({
    operations: some(["delete", "swap"]).describe("Every single deletion, every swap of neighbours, or both."),
  }),
  "attention-locality": z.strictObject({
    k: z.int().min(1).max(16).default(5).describe("Offsets that the figure shows; the result has 1 to 16."),
  }),
  "component-norms": z.strictObject({}),
  "logit-lens": z.strictObject({ lens }),
  "neuron-census": z.strictObject({
    weights: z.enum(["raw", "folded"]).default("folded").describe("folded: as the authors', with the norms' scales folded in."),
    kurtosis_above: z.number().min(0).max(1e6).default(10).describe("Prediction and suppression neurons have more than this."),
    variance_above: z.number().min(0).max(1).default(0.005).describe("Partition neurons have more than this."),
  }),
  "subjoiner-heads": z.strictObject({
    tokens_per_word: z.int().min(2).max(16).default(4).describe("Words of exactly so many tokens, against words of one."),
    context_words: z.int().min(2).max(512).default(16).describe("Words of a context, of which the word is the last."),
    max_words: z
      .int()
      .min(2)
      .max(100_000)
      .default(512)
      .describe("Of each sort: the first of every text, then the second of every text, …"),
  }),
  "suffix-probe": z.strictObject({
    suffix: z
      .string()
      .regex(/^\p{L}{1,16}$/u, { error: "must be 1 to 16 letters" })
      .default("ing")
      .describe("1 to 16 letters; small or capital is no matter."),
    positives: z
      .enum(["any", "whole"])
      .default("any")
      .describe("any: the next token ends a word in the suffix; whole: it is all of that word, as with the negatives of stem."),
    negatives: z
      .enum(["stem", "any"])
      .default("stem")
      .describe("stem: positions whose next token is a word seen elsewhere with the suffix; any: any other position."),
    weights: z.enum(["raw", "folded"]).default("folded").describe("Of the census that candidates come from."),
    kurtosis_above: z.number().min(0).max(1e6).default(10).describe("Candidate neurons have more than this."),
    top: z.int().min(1).max(256).default(32).describe("Candidate neurons of each kind, and the largest ensemble."),
    context_tokens: z
      .int()
      .min(2)
      .max(MAX_TOKENS)
      .default(24)
      .describe("Of every example, BOS included: places with fewer before them are none."),
    max_examples: z.int().min(20).max(100_000).default(2000).describe("Of each class, training and test together."),
    min_examples: z.int().min(10).max(100_000).default(20).describe("Fewer of a class are refused."),
    c: strength,
  }),
  cka: z.strictObject({}),
  "layer-importance": z.strictObject({}),
  "layer-repeat": z.strictObject({
    times: z.int().min(2).max(MAX_TIMES).default(2).describe("How often the layer runs in all."),
  }),
  "layer-schedules": z.strictObject({
    operations: some(["skip", "reverse", "shuffle", "parallel", "loop-parallel", "repeat-middle"]).describe(
      "What becomes of the middle s+1 … L−s−1, for every start s (arXiv 2407.09298).",
    ),
    times: z.int().min(1).max(MAX_TIMES).default(3).describe("How often loop-parallel runs the group."),
  }),
  "head-importance": z.strictObject({
    with: z
      .union([z.literal("zero"), z.strictObject({ mean: Mean })])
      .default("zero")
      .describe("What a head's output becomes before the output projection: zero, or its mean over texts."),
    layers: Layers.optional().describe("Every layer, when nothing is said."),
  }),
  variants: z.strictObject({
    variants: Variants.describe("Named lists of operations, each compared with the untouched model."),
    pairs: z
      .array(z.tuple([z.string(), z.string()]))
      .max(256)
      .default([])
      .describe("Pairs of variants whose paired difference, the first minus the second, is reported too."),
    per_token: z.boolean().default(false).describe("Also keep a row per token, to be had as the table tokens."),
  }),
  benchmark: z.strictObject({
    task: z
      .enum(["multiple-choice", "last-word"])
      .default("last-word")
      .describe("multiple-choice: rows of context, choices, answer; last-word: rows of text."),
    operations: some(["delete", "swap", "repeat"]).describe("Every layer deleted, swapped with the next, run twice."),
  }),
  "span-probe": z
    .strictObject({
      folds: z.int().min(2).max(20).default(5).describe("Of the cross-validation: whole texts, by the experiment's seed."),
      c: strength,
      pair: z
        .enum(["concatenate", "difference"])
        .default("concatenate")
        .describe("What a row of two spans gives: both streams side by side, or the size of their difference, number by number."),
    })
    .describe(
      "Rows of text, label (of two), and span ([start, end) in characters) or word; for pairs also text2, with span2 or word2.",
    ),
  activations: z.strictObject({
    sites: some(["resid_pre", "attn_out", "mlp_out", "mlp_act", "z", "resid_post"]).describe("What is kept of each layer."),
    layers: Layers.optional().describe("Every layer, when nothing is said."),
    positions: z
      .union([z.enum(["all", "last"]), z.array(z.int().min(-MAX_TOKENS).max(MAX_TOKENS)).min(1).max(MAX_POSITIONS)])
      .default("all")
      .describe('"all", "last", or places in a text, BOS included; negative ones count from the end.'),
  }),
  stages: z.strictObject({
    lens,
    weights: z.enum(["raw", "folded"]).default("folded").describe("Of the census."),
    kurtosis_above: z.number().min(0).max(1e6).default(10).describe("Prediction and suppression neurons have more than this."),
    variance_above: z.number().min(0).max(1).default(0.005).describe("Partition neurons have more than this."),
    k: z.int().min(1).max(16).default(5).describe("Offsets of attention locality."),
    max_parts: z.int().min(4).max(6).default(6).describe("The depth is divided into 1 to so many parts."),
    permutations: z.int().min(100).max(100_000).default(1000).describe("Random orders of layers, to test four parts."),
    resamples: z.int().min(100).max(100_000).default(1000).describe("Bootstrap resamples of the texts."),
  }),
} as const;

export type ExperimentKind = keyof typeof SETTINGS;
export type SettingsOf<K extends ExperimentKind> = z.output<(typeof SETTINGS)[K]>;

/** In the order of the documentation. */
export const EXPERIMENT_KINDS = Object.keys(SETTINGS) as [ExperimentKind, ...ExperimentKind[]];
