import { baselineSchedule } from "../../engine/schedule.ts";
import { refuse } from "../../runs/tokens.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import { MAX_EXPERIMENT_TOKENS } from "../../schemas/limits.ts";
import { chunksOf } from "../chunks.ts";
import type { Ask, Kind, Plan } from "../kind.ts";
import type { LabJob } from "../lab.ts";
import { signNotes } from "../neurons.ts";
import type { Study } from "../study.ts";
import { type Candidate, findCandidates, type SuffixNotes } from "./suffix-candidates.ts";
import { type SuffixExample, suffixExamples, suffixTokens } from "./suffix-examples.ts";
import { type ProbeOutput, SuffixFold } from "./suffix-fold.ts";

type Settings = SettingsOf<"suffix-probe">;

interface ExamplesInput {
  readonly examples: readonly SuffixExample[];
}

/** Tokens of a chunk's contexts: what the engine takes in one call of a block, and as much again. */
const CHUNK_TOKENS = 2048;
/** Activations that are held while probes are fitted, 4 bytes each. */
const MAX_ACTIVATIONS = 2 ** 23;
/** Contexts of a gated model that signs are measured on. */
const SIGN_CONTEXTS = 512;
/** Of each class of the held-out texts, as a share of `min_examples`. */
const HELD_OUT_SHARE = 5;

/**
 * Whether neurons know that the next token ends the word in a suffix (figure 10): logistic regression on activations at
 * the position that predicts, of the prediction and suppression neurons that write most towards such tokens: each alone,
 * and the best k together; beside them the model's own decision, whether its top token ends in the suffix. Signs of a gated
 * model's neurons are those of their mean activation in the first contexts.
 */
export const suffixProbe: Kind<Settings, ExamplesInput, ProbeOutput> = {
  name: "suffix-probe",
  plan,
  jobs: (study, { examples }) => examples.slice(0, 1).map(({ tokens }) => jobOf(study, tokens, [])),
  async compute(study, { examples }, lab) {
    const { chosen, ...found } = await findCandidates(study, lab);
    const ending = new Set((study.notes as unknown as SuffixNotes).suffix_tokens);
    const width = chosen.length;
    const activations = new Float32Array(examples.length * width);
    const model = new Uint8Array(examples.length);
    const outputs = await lab.all(examples, ({ tokens }) => lab.run(jobOf(study, tokens, chosen)));
    for (const [row, { layers, result }] of outputs.entries()) {
      const values = new Map<string, number>();
      for (const { neurons = [] } of layers)
        for (const { block, ids, values: own } of neurons)
          for (const [i, id] of ids.entries()) values.set(`${block} ${id}`, own[i] as number);
      for (const [i, { layer, neuron }] of chosen.entries())
        activations[row * width + i] = values.get(`${layer} ${neuron}`) as number;
      model[row] = ending.has(result.variants[0]?.final.topIds[0] ?? -1) ? 1 : 0;
    }
    return { ...found, chosen, activations, model };
  },
  fold: (study) => new SuffixFold(study),
};

async function plan({ settings, material, model, prependBos, seed }: Ask<Settings>): Promise<Plan<ExamplesInput>> {
  const { suffix, context_tokens, max_examples, min_examples, top, positives, negatives } = settings;
  if (context_tokens > model.contextLength)
    refuse(
      "/settings/context_tokens",
      `${context_tokens} tokens are more than the context of ${model.id} holds, ${model.contextLength}`,
    );
  const bos = prependBos ? model.tokenizer.bosId : null;
  const texts = material.texts();
  const ask = { suffix, positives, negatives, contextTokens: context_tokens, bos, mostExamples: max_examples, seed };
  const { examples, insideWords, ...found } = await suffixExamples(texts, { tokenizer: model.tokenizer, ...ask });
  const others =
    negatives === "stem" ? `${found.negatives} whose next token is a word seen elsewhere with it` : `${found.negatives} others`;
  const what = positives === "whole" ? "is a word that ends in" : "ends a word in";
  const seen = `the texts have ${found.positives} positions whose next token ${what} ${JSON.stringify(suffix)} and ${others}, after ${context_tokens} tokens of context`;
  if (Math.min(found.positives, found.negatives) < min_examples)
    refuse("/data", `${seen}; at least ${min_examples} of each are needed`);
  const least = Math.ceil(min_examples / HELD_OUT_SHARE);
  if (Math.min(found.train, found.test) < least)
    refuse(
      "/data",
      `${seen}; split by text, the training part has ${found.train} of each and the held-out part ${found.test}, and each needs ${least}: they stand in too few texts, ${found.texts}`,
    );
  const numbers = examples.length * 2 * top;
  if (numbers > MAX_ACTIVATIONS)
    refuse(
      "/settings/max_examples",
      `${examples.length} examples of ${2 * top} neurons are ${numbers} activations, more than the most allowed, ${MAX_ACTIVATIONS}`,
    );
  if (examples.length * context_tokens > MAX_EXPERIMENT_TOKENS)
    refuse(
      "/settings/context_tokens",
      `${examples.length} examples of ${context_tokens} tokens are ${examples.length * context_tokens} tokens, more than the most allowed, ${MAX_EXPERIMENT_TOKENS}`,
    );
  const { tokenizer, tokenCount } = model;
  const notes: SuffixNotes = { suffix_tokens: suffixTokens(tokenizer, tokenCount, suffix) };
  const signs = model.gated
    ? signNotes(
        model,
        examples.slice(0, signContexts(context_tokens)).map(({ tokens }) => tokens),
      )
    : {};
  const chunks = chunksOf(examples, Math.max(1, Math.floor(CHUNK_TOKENS / context_tokens))).map(({ items }) => ({
    units: items.length,
    input: { examples: items },
  }));
  return {
    chunks,
    tokensPerText: null,
    texts: texts.length,
    notes: { ...notes, ...signs, found: { ...found, positives_inside_words: insideWords } },
  };
}

/** So many that their tokens are no more than of `SIGN_CONTEXTS` contexts of the usual length. */
function signContexts(contextTokens: number): number {
  return Math.max(1, Math.floor((SIGN_CONTEXTS * 24) / contextTokens));
}

/** Read out, and watched, at the last token. */
function jobOf({ model }: Study<Settings>, context: Int32Array, chosen: readonly Candidate[]): LabJob {
  const blocks = [...new Set(chosen.map(({ layer }) => layer))].sort((a, b) => a - b);
  const neuronsOf = (block: number) => chosen.filter(({ layer }) => layer === block).map(({ neuron }) => neuron);
  return {
    tokens: [...context],
    schedules: [baselineSchedule(model.nLayers)],
    baseline: null,
    ...(blocks.length > 0 && {
      capture: ["neurons"],
      neurons: { top: 0, chosen: blocks.map((block) => ({ block, neurons: neuronsOf(block).sort((a, b) => a - b) })) },
    }),
    readout: {},
  };
}
