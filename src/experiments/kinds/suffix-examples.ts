/** Places of texts whose next token ends its word in a suffix, and places to tell them from. */
import { type Generator, pcg32 } from "../../metrics/pcg32.ts";
import { splitByText } from "../../metrics/split-by-text.ts";
import type { TextTokenizer } from "../../tokenizer/tokenizer.ts";
import { inTurn, spell, type Word } from "../words.ts";

export interface SuffixAsk {
  readonly tokenizer: Pick<TextTokenizer, "encode" | "bytes" | "text">;
  readonly suffix: string;
  readonly positives: "any" | "whole";
  readonly negatives: "stem" | "any";
  /** Tokens of a context, BOS included. */
  readonly contextTokens: number;
  /** null: none. */
  readonly bos: number | null;
  /** Of each class. */
  readonly mostExamples: number;
  readonly seed: number;
}

export interface SuffixExample {
  /** Number of its text. */
  readonly text: number;
  /** 1: the next token ends the word in the suffix. */
  readonly label: 0 | 1;
  /** Held out. */
  readonly test: boolean;
  /** Up to the token that predicts. */
  readonly tokens: Int32Array;
}

export interface SuffixExamples {
  /** How many places there are of each class. */
  readonly positives: number;
  readonly negatives: number;
  /** Texts with at least one. */
  readonly texts: number;
  /** Of each class, in each part: both parts are balanced. */
  readonly train: number;
  readonly test: number;
  /** Positives among them whose word begins before the next token. */
  readonly insideWords: number;
  /** By text, then by place. */
  readonly examples: readonly SuffixExample[];
}

/** The share of texts that train. */
const TRAINING = 0.8;
/** Letters that a word has before the suffix. */
const LEAST_STEM = 2;
const VOWEL = /[aeiouy]/;
const LATIN = /^[a-z]+$/;
const DOUBLED = /([^aeiou])\1$/;

/** A text's places: `next` is the token that is predicted. */
interface Place {
  readonly text: number;
  readonly next: number;
  readonly insideWord: boolean;
}

/**
 * A word here is whole: a run of letters after a space, no part of something longer; case does not matter. Positives: the
 * next token ends in the suffix, and with it its word, which has two letters or more before the suffix; `whole`: it is all of
 * the word, as a stem is, so that the classes cannot be told apart by where words begin. Negatives, `stem`:
 * the next token is by itself a word that stands somewhere in the texts with the suffix (`stemsOf`); `any`: the next token
 * does not end in the suffix. Texts are split 80/20; in each part the classes are as many as the rarer one has, drawn with
 * the seed.
 */
export async function suffixExamples(texts: readonly string[], ask: SuffixAsk): Promise<SuffixExamples> {
  const { tokenizer, suffix, bos } = ask;
  const read = await inTurn(texts, (text) => {
    const ids = tokenizer.encode(text);
    return { ids: Int32Array.from(ids), words: spell(ids, tokenizer).words.filter(({ whole }) => whole) };
  });
  const stems = new Set(read.flatMap(({ words }) => words.flatMap(({ text }) => stemsOf(text.toLowerCase(), suffix))));
  const length = ask.contextTokens - (bos === null ? 0 : 1);
  const places = await inTurn(read, ({ ids, words }, text) => placesOf(text, ids, words, length, stems, ask));
  const all = { 1: places.flatMap(({ positives }) => positives), 0: places.flatMap(({ negatives }) => negatives) };
  const withPlaces = places.flatMap(({ positives, negatives }, text) => (positives.length + negatives.length > 0 ? [text] : []));
  const counts = { positives: all[1].length, negatives: all[0].length, texts: withPlaces.length };
  if (withPlaces.length < 2) return { ...counts, train: 0, test: 0, insideWords: 0, examples: [] };

  const split = splitByText(withPlaces, TRAINING, ask.seed);
  const held = new Set(Array.from(split.test, (row) => withPlaces[row]));
  const generator = pcg32(ask.seed);
  const chosen = [false, true].map((test) => {
    const most = test ? ask.mostExamples - Math.round(TRAINING * ask.mostExamples) : Math.round(TRAINING * ask.mostExamples);
    const [negatives, positives] = ([0, 1] as const).map((label) => all[label].filter(({ text }) => held.has(text) === test)) as [
      Place[],
      Place[],
    ];
    const count = Math.min(most, positives.length, negatives.length);
    const draw = (from: readonly Place[], label: 0 | 1) =>
      sample(from, count, generator).map((place) => ({ ...place, label, test }));
    return [...draw(negatives, 0), ...draw(positives, 1)];
  });
  const [train = [], test = []] = chosen;
  const examples = [...train, ...test].sort((a, b) => a.text - b.text || a.next - b.next);
  return {
    ...counts,
    train: train.length / 2,
    test: test.length / 2,
    insideWords: examples.filter(({ label, insideWord }) => label === 1 && insideWord).length,
    examples: examples.map(({ text, next, label, test }) => {
      const context = (read[text] as { ids: Int32Array }).ids.subarray(next - length, next);
      return { text, label, test, tokens: Int32Array.from(bos === null ? context : [bos, ...context]) };
    }),
  };
}

/**
 * What a word (of small letters) may be made from with the suffix: what is left without it; where the suffix begins with
 * a vowel also with an e at the end, or without its last letter where that is doubled (walk for walking, make for making,
 * run for running). Latin letters without a vowel are no stem (Porter 1980: thing is not made from the). Spelling alone
 * decides: hop counts for hoping.
 */
export function stemsOf(word: string, suffix: string): string[] {
  const ending = suffix.toLowerCase();
  const rest = word.slice(0, -ending.length);
  if (!word.endsWith(ending) || rest.length < LEAST_STEM || (LATIN.test(rest) && !VOWEL.test(rest))) return [];
  if (!VOWEL.test(ending.charAt(0))) return [rest];
  return [rest, `${rest}e`, ...(DOUBLED.test(rest) ? [rest.slice(0, -1)] : [])];
}

/** Ids of the tokens below `count` that end in the suffix, in small letters or not. */
export function suffixTokens({ text }: Pick<TextTokenizer, "text">, count: number, suffix: string): number[] {
  const ending = suffix.toLowerCase();
  return Array.from({ length: count }, (_, id) => id).filter((id) => text(id).toLowerCase().endsWith(ending));
}

/** Only places whose context is full. */
function placesOf(
  text: number,
  ids: Int32Array,
  words: readonly Word[],
  length: number,
  stems: ReadonlySet<string>,
  { tokenizer, suffix, positives: parts, negatives: sort }: SuffixAsk,
): { readonly positives: Place[]; readonly negatives: Place[] } {
  const ending = suffix.toLowerCase();
  const ends = (next: number) =>
    tokenizer
      .text(ids[next] as number)
      .toLowerCase()
      .endsWith(ending);
  const positives: Place[] = [];
  const negatives: Place[] = [];
  for (const { text: spelled, tokens } of words) {
    const word = spelled.toLowerCase();
    const next = tokens?.last ?? -1;
    if (!tokens || next < length) continue;
    const insideWord = tokens.first < next;
    if (word.endsWith(ending)) {
      if (word.length < ending.length + LEAST_STEM || !ends(next) || (insideWord && parts === "whole")) continue;
      positives.push({ text, next, insideWord });
    } else if (sort === "stem" && !insideWord && stems.has(word)) negatives.push({ text, next, insideWord });
  }
  if (sort === "any")
    for (let next = length; next < ids.length; next++) if (!ends(next)) negatives.push({ text, next, insideWord: false });
  return { positives, negatives };
}

/** `count` of the values, each equally likely, without repeats. */
function sample<T>(values: readonly T[], count: number, generator: Generator): T[] {
  const rest = [...values];
  for (let i = 0; i < count; i++) {
    const chosen = i + generator.below(rest.length - i);
    [rest[i], rest[chosen]] = [rest[chosen] as T, rest[i] as T];
  }
  return rest.slice(0, count);
}
