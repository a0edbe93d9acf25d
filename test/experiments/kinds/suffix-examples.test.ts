import { describe, expect, it } from "vitest";
import {
  type SuffixAsk,
  type SuffixExample,
  stemsOf,
  suffixExamples,
  suffixTokens,
} from "../../../src/experiments/kinds/suffix-examples.ts";
import { openTokenizer } from "../../../src/tokenizer/tokenizer.ts";

const tokenizer = await openTokenizer("models/prose-6m");
const ask: SuffixAsk = {
  ...{ tokenizer, suffix: "ing", positives: "any", negatives: "stem", contextTokens: 4, bos: 0, mostExamples: 1000, seed: 1 },
};

/** Every one twice: both parts need one of each. "lifting" is two tokens, " lif" and "ting". */
const TEXTS = Array.from({ length: 10 }, () => [
  "He said that walking is good, but we will walk home, and I walk on.",
  "When you run then running, making it and lifting things you make much.",
]).flat();

const shown = ({ examples }: { readonly examples: readonly SuffixExample[] }) =>
  examples.map(({ text, label, tokens }) => [text % 2, label, [...tokens].map((id) => tokenizer.text(id)).join("|")]);

describe("Stems", () => {
  it("are what the suffix was put to: also with an e, and without a doubled letter", () => {
    expect(stemsOf("walking", "ing")).toEqual(["walk", "walke"]);
    expect(stemsOf("making", "ing")).toEqual(["mak", "make"]);
    expect(stemsOf("running", "ing")).toEqual(["runn", "runne", "run"]);
    expect(stemsOf("quickly", "LY")).toEqual(["quick"]);
    expect(stemsOf("читать", "ть")).toEqual(["чита"]);
  });

  it("have two letters, and a vowel", () => {
    for (const word of ["thing", "king", "bring", "walk", "ing"]) expect(stemsOf(word, "ing")).toEqual([]);
    expect(stemsOf("trying", "ing")).toEqual(["try", "trye"]);
  });
});

describe("Tokens of a suffix", () => {
  it("end in it, in small letters or not", () => {
    const texts = suffixTokens(tokenizer, 4096, "ING").map((id) => tokenizer.text(id));
    expect(texts).toContain(" walking");
    expect(texts).toContain("ing");
    expect(texts).not.toContain(" walk");
    for (const text of texts) expect(text.toLowerCase().endsWith("ing")).toBe(true);
    expect(suffixTokens({ text: (id) => ["A", "CAT", "at", "cats"][id] as string }, 3, "at")).toEqual([1, 2]);
  });
});

describe("Examples", () => {
  it("are places before words with the suffix, and before words that it was put to", async () => {
    const found = await suffixExamples(TEXTS, ask);
    const contexts = new Map(shown(found).map(([text, label, context]) => [`${text} ${context}`, label]));
    expect(Object.fromEntries([...contexts].sort())).toEqual({
      "0 <|endoftext|>|He| said| that": 1,
      "0 <|endoftext|>| but| we| will": 0,
      "0 <|endoftext|>|,| and| I": 0,
      "1 <|endoftext|>| it| and| lif": 1,
      "1 <|endoftext|>| you| run| then": 1,
      "1 <|endoftext|>| then| running|,": 1,
      "1 <|endoftext|>|ting| things| you": 0,
    });
    expect(found).toMatchObject({ positives: 40, negatives: 30, texts: 20 });
  });

  it("each part has as many of either class, and no text of the other", async () => {
    const { examples, train, test } = await suffixExamples(TEXTS, ask);
    for (const [part, count] of [
      [false, train],
      [true, test],
    ] as const) {
      const own = examples.filter(({ test: held }) => held === part);
      expect(own.filter(({ label }) => label === 1)).toHaveLength(count);
      expect(own.filter(({ label }) => label === 0)).toHaveLength(count);
    }
    expect(new Set(examples.filter((each) => each.test).map(({ text }) => text)).size).toBeLessThanOrEqual(4);
    for (const text of new Set(examples.map((each) => each.text)))
      expect(new Set(examples.filter((each) => each.text === text).map((each) => each.test)).size).toBe(1);
    expect(examples.map(({ text }) => text)).toEqual([...examples.map(({ text }) => text)].sort((a, b) => a - b));
  });

  it("are drawn with the seed, so many of each class", async () => {
    const few = { ...ask, mostExamples: 10 };
    const found = await suffixExamples(TEXTS, few);
    expect([found.train, found.test]).toEqual([8, 2]);
    expect(await suffixExamples(TEXTS, few)).toEqual(found);
    expect(await suffixExamples(TEXTS, { ...few, seed: 2 })).not.toEqual(found);
  });

  it("whole: only words that are one token", async () => {
    const { positives, insideWords } = await suffixExamples(TEXTS, { ...ask, positives: "whole" });
    expect([positives, insideWords]).toEqual([30, 0]);
    expect((await suffixExamples(TEXTS, ask)).insideWords).toBeGreaterThan(0);
  });

  it("any: every other place is a negative", async () => {
    const { negatives, examples } = await suffixExamples(TEXTS, { ...ask, negatives: "any" });
    const places = TEXTS.reduce((sum, text) => sum + tokenizer.encode(text).length - 3, 0);
    expect(negatives).toBe(places - 40);
    expect(examples.every(({ tokens }) => tokens.length === 4 && tokens[0] === 0)).toBe(true);
    const plain = await suffixExamples(TEXTS, { ...ask, bos: null });
    expect(plain.examples.every(({ tokens }) => tokens.length === 4 && tokens[0] !== 0)).toBe(true);
  });

  it("there are none to split in one text", async () => {
    expect(await suffixExamples(TEXTS.slice(0, 1), ask)).toEqual({
      ...{ positives: 1, negatives: 2, texts: 1, train: 0, test: 0, insideWords: 0, examples: [] },
    });
  });
});
