import { describe, expect, it } from "vitest";
import { type WordContextsAsk, wordContexts } from "../../../src/experiments/kinds/word-contexts.ts";
import { openTokenizer } from "../../../src/tokenizer/tokenizer.ts";

const tokenizer = await openTokenizer("models/prose-6m");
const ask: WordContextsAsk = { tokenizer, tokensPerWord: 3, contextWords: 3, mostWords: 100, mostTokens: 100, bos: 0 };

const TEXTS = ["He was a pirate, and not walking.", "She was gone.", "Too short"];

async function shown(more: Partial<WordContextsAsk> = {}, texts: readonly string[] = TEXTS) {
  const { words } = await wordContexts(texts, { ...ask, ...more });
  return words.map(({ text, sort, tokens }) => [text, sort, [...tokens].map((id) => tokenizer.text(id)).join("|")]);
}

describe("Contexts of words", () => {
  it("end with the word and begin with BOS, so many words in all", async () => {
    expect(await shown()).toEqual([
      [0, "single", "<|endoftext|>|He| was| a"],
      [0, "multi", "<|endoftext|>|was| a| p|ir|ate"],
      [0, "single", "<|endoftext|>|a| p|ir|ate|,| and"],
      [0, "single", "<|endoftext|>|pir|ate|,| and| not"],
      [0, "single", "<|endoftext|>|and| not| walking"],
      [1, "single", "<|endoftext|>|She| was| gone"],
    ]);
    const [first] = await shown({ bos: null });
    expect(first).toEqual([0, "single", "He| was| a"]);
  });

  it("are the first of every text, then the second", async () => {
    const words = await shown({ mostWords: 2 });
    expect(words.map(([text, sort]) => [text, sort])).toEqual([
      [0, "single"],
      [0, "multi"],
      [1, "single"],
    ]);
  });

  it("with fewer tokens than are looked at are passed over", async () => {
    expect(await shown({ contextWords: 2, bos: null }, ["He was gone."])).toEqual([]);
    expect(await shown({ contextWords: 2, tokensPerWord: 2, bos: null }, ["He was gone."])).toHaveLength(2);
  });

  it("of more tokens than the model takes are left out, and counted", async () => {
    const { words, tooLong } = await wordContexts(TEXTS, { ...ask, mostTokens: 5 });
    expect(words.map(({ tokens }) => tokens.length)).toEqual([4, 4, 4]);
    expect(tooLong).toBe(3);
  });

  it("of a word that is cut otherwise without what follows it are passed over", async () => {
    // The last letter of all is a token of its own.
    const pieces = ["one", " two", " ", "t", "w", "o"];
    const encode = (text: string) => [...text.matchAll(/one| two(?=.)| |\w/gu)].map(([piece]) => pieces.indexOf(piece));
    const bytes = (id: number) => new TextEncoder().encode(pieces[id]);
    const { words } = await wordContexts(["one two two two two"], { ...ask, tokenizer: { encode, bytes }, contextWords: 2 });
    expect(words).toEqual([]);
  });
});
