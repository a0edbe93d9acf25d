import type { PatternCell } from "../../engine/protocol.ts";
import { baselineSchedule } from "../../engine/schedule.ts";
import { momentsOf } from "../../metrics/clustered-mean.ts";
import { refuse } from "../../runs/tokens.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import { MAX_EXPERIMENT_TOKENS } from "../../schemas/limits.ts";
import { chunksOf, longestOf } from "../chunks.ts";
import type { Ask, Kind, Plan } from "../kind.ts";
import type { LabJob, RunOutput } from "../lab.ts";
import type { Study } from "../study.ts";
import { AttentionFold, type AttentionOutput, type TextGroup } from "./subjoiner-fold.ts";
import { type Sort, type WordContext, wordContexts } from "./word-contexts.ts";

type Settings = SettingsOf<"subjoiner-heads">;

/** Contexts of a chunk's words. */
interface WordsInput {
  readonly words: readonly WordContext[];
}

/** Fewer of either sort are refused: too few for a mean. */
const LEAST_WORDS = 10;
/** Tokens of a chunk's contexts: what the engine takes in one call of a block, and as much again. */
const CHUNK_TOKENS = 2048;

/**
 * Which heads look from the last token of a word of exactly n tokens back at its earlier ones (figure 9): attention at
 * offsets 1 … n − 1 from there, minus the same in words of one token, where those places hold whatever came before. Every
 * word is the last of a context of so many words; a word is a run of letters after a space that is no part of something
 * longer. Words of both sorts are the first of every text, then the second of every text, …
 */
export const subjoinerHeads: Kind<Settings, WordsInput, AttentionOutput> = {
  name: "subjoiner-heads",
  plan,
  jobs: (study, { words }) => [jobOf(study, longestOf(words.map(({ tokens }) => tokens)))],
  async compute(study, { words }, lab) {
    const outputs = await lab.all(words, ({ tokens }) => lab.run(jobOf(study, tokens)));
    const weights = outputs.map((output) => weightsOf(study, output));
    const groups: TextGroup[] = [];
    for (const text of new Set(words.map((word) => word.text)))
      for (const sort of ["multi", "single"] as const) {
        const rows = weights.filter((_, i) => words[i]?.text === text && words[i]?.sort === sort);
        if (rows.length > 0) groups.push(groupOf(text, sort, rows));
      }
    return { groups };
  },
  fold: (study) => new AttentionFold(study, study.settings.tokens_per_word - 1),
};

async function plan(ask: Ask<Settings>): Promise<Plan<WordsInput>> {
  const { tokens_per_word: n, context_words, max_words } = ask.settings;
  const { contextLength, tokenizer } = ask.model;
  const texts = ask.material.texts();
  const found = await wordContexts(texts, {
    tokenizer,
    tokensPerWord: n,
    contextWords: context_words,
    mostWords: max_words,
    mostTokens: contextLength,
    bos: ask.prependBos ? tokenizer.bosId : null,
  });
  const count = (sort: Sort) => found.words.filter((word) => word.sort === sort).length;
  const [multi, single] = [count("multi"), count("single")];
  if (Math.min(multi, single) < LEAST_WORDS) {
    const long =
      found.tooLong > 0 ? `; ${found.tooLong} contexts of more tokens than the model's, ${contextLength}, were left out` : "";
    refuse(
      "/data",
      `the texts have ${multi} words of exactly ${n} tokens and ${single} of one token that end ${context_words} words; at least ${LEAST_WORDS} of each are needed${long}`,
    );
  }
  const longest = longestOf(found.words.map(({ tokens }) => tokens)).length;
  const total = found.words.reduce((sum, { tokens }) => sum + tokens.length, 0);
  if (total > MAX_EXPERIMENT_TOKENS)
    refuse(
      "/settings/max_words",
      `the contexts of ${found.words.length} words are ${total} tokens, more than the most allowed, ${MAX_EXPERIMENT_TOKENS}`,
    );
  const chunks = chunksOf(found.words, Math.max(1, Math.floor(CHUNK_TOKENS / longest))).map(({ items }) => ({
    units: items.length,
    longest: longestOf(items.map(({ tokens }) => tokens)).length,
    input: { words: items },
  }));
  return { chunks, tokensPerText: null, texts: texts.length, notes: { multi, single } };
}

/** The word's last token is the context's last. */
function jobOf({ model, settings }: Study<Settings>, context: Int32Array): LabJob {
  const tokens = [...context];
  const query = tokens.length - 1;
  const cells = Array.from({ length: settings.tokens_per_word - 1 }, (_, i): PatternCell => ({ query, key: query - 1 - i }));
  return { tokens, schedules: [baselineSchedule(model.nLayers)], baseline: null, cells, readout: {} };
}

/** [(layer · heads + head) · offsets + offset − 1] */
function weightsOf({ model, settings }: Study<Settings>, { layers }: RunOutput): Float64Array {
  const width = model.nHeads * (settings.tokens_per_word - 1);
  const weights = new Float64Array(model.nLayers * width);
  for (const { cells = [] } of layers) for (const rows of cells) weights.set(rows.weights, rows.block * width);
  return weights;
}

function groupOf(text: number, sort: Sort, rows: readonly Float64Array[]): TextGroup {
  const width = rows[0]?.length ?? 0;
  const [means, m2] = [new Float64Array(width), new Float64Array(width)];
  for (let cell = 0; cell < width; cell++) {
    const moments = momentsOf(rows.map((row) => row[cell] as number));
    means[cell] = moments.mean;
    m2[cell] = moments.m2;
  }
  return { text, sort, count: rows.length, means, m2 };
}
