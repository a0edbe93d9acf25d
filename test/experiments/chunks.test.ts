import { describe, expect, test } from "vitest";
import { chunksByTokens, chunksOfTexts } from "../../src/experiments/chunks.ts";

const texts = (count: number, length: number) => Array.from({ length: count }, () => new Int32Array(length));
const sizes = (...given: Parameters<typeof chunksOfTexts>) => chunksOfTexts(...given).map(({ input }) => input.texts.length);

describe("Texts are cut into chunks", () => {
  test("of 1024 tokens, of 32 texts at most, of one text at least", () => {
    expect(sizes(texts(20, 128))).toEqual([8, 8, 4]);
    expect(sizes(texts(70, 4))).toEqual([32, 32, 6]);
    expect(sizes(texts(3, 2000))).toEqual([1, 1, 1]);
    expect(sizes([])).toEqual([]);
  });

  test("of fewer where each runs under many schedules, so that little is lost with one", () => {
    expect(sizes(texts(9, 64), 2)).toEqual([8, 1]);
    for (const schedules of [4, 24, 300]) expect(sizes(texts(9, 64), schedules)).toEqual([4, 4, 1]);
    expect(sizes(texts(2, 1024), 24)).toEqual([1, 1]);
  });

  test("that know where they begin, and how much of the whole they are", () => {
    const chunks = chunksOfTexts(texts(10, 256));
    expect(chunks.map(({ units, input }) => [units, input.first])).toEqual([
      [4, 0],
      [4, 4],
      [2, 8],
    ]);
  });

  test("or by the tokens of each, one that has more standing alone", () => {
    const chunks = chunksByTokens([600, 400, 100, 5000, 1], (tokens) => tokens);
    expect(chunks).toEqual([
      { first: 0, items: [600, 400] },
      { first: 2, items: [100] },
      { first: 3, items: [5000] },
      { first: 4, items: [1] },
    ]);
  });
});
