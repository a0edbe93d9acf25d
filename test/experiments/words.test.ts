import { describe, expect, it } from "vitest";
import { roundRobin, spell } from "../../src/experiments/words.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";

const tokenizer = await openTokenizer("models/prose-6m");

/** Each word with the texts of its tokens; null where they hold more. */
function wordsOf(text: string) {
  const ids = tokenizer.encode(text);
  const spelled = spell(ids, tokenizer);
  expect(spelled.text).toBe(text);
  return spelled.words.map(({ text: word, start, end, tokens, whole }) => {
    expect(text.slice(start, end)).toBe(word);
    return [word, whole, tokens && ids.slice(tokens.first, tokens.last + 1).map((id) => tokenizer.text(id))] as const;
  });
}

describe("Words", () => {
  it("are runs of letters with the space before them", () => {
    expect(wordsOf("He was walking, thunderstruck.")).toEqual([
      ["He", false, ["He"]],
      ["was", true, [" was"]],
      ["walking", true, [" walking"]],
      ["thunderstruck", true, [" th", "under", "st", "ru", "ck"]],
    ]);
  });

  it("that are parts of something longer are not whole", () => {
    const whole = wordsOf('We don\'t like well-known 4th parts’ or x2 "all" ends-').filter(([, is]) => is);
    expect(whole.map(([word]) => word)).toEqual(["like", "parts", "or", "ends"]);
  });

  it("are found by bytes where letters are more than one, in tokens that split them too", () => {
    const words = wordsOf("une naïveté – Ελλάς, 漢字 e\u0301tude");
    expect(words.map(([word, whole]) => [word, whole])).toEqual([
      ["une", false],
      ["naïveté", true],
      ["Ελλάς", true],
      ["漢字", true],
      ["e\u0301tude", true],
    ]);
    for (const [, , tokens] of words) expect(tokens).not.toBeNull();
  });

  it("whose tokens hold something else have none", () => {
    const bytes = (id: number) => new TextEncoder().encode([" one", " two", "s.", " five ", "six"][id]);
    const { words } = spell([0, 1, 2, 3, 4], { bytes });
    expect(words.map(({ text, tokens }) => [text, tokens])).toEqual([
      ["one", { first: 0, last: 0 }],
      ["twos", null],
      ["five", null],
      ["six", { first: 4, last: 4 }],
    ]);
  });

  it("have the space before them also where it is a token of its own, but no other space", () => {
    const [, velvet] = wordsOf("The velvet").map(([, , tokens]) => tokens);
    expect(velvet).toEqual([" ", "vel", "ve", "t"]);
    const bytes = (id: number) => new TextEncoder().encode(["  ", "ca", "ts", "\n", "dog"][id]);
    expect(spell([0, 1, 2, 3, 4], { bytes }).words).toEqual([
      { text: "cats", start: 2, end: 6, tokens: { first: 1, last: 2 }, whole: true },
      { text: "dog", start: 7, end: 10, tokens: { first: 4, last: 4 }, whole: true },
    ]);
  });

  it("there are none in tokens that are no text", () => {
    expect(spell([0], { bytes: () => Uint8Array.of(0xc3) })).toEqual({ text: "", words: [] });
  });
});

describe("Lists in turn", () => {
  it("give the first of each, then the second", () => {
    expect([...roundRobin([["a", "b", "c"], [], ["d"], ["e", "f"]])]).toEqual(["a", "d", "e", "b", "f", "c"]);
  });
});
