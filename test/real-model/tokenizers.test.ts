/** Real tokenizers against what the `tokenizers` package makes of the same texts; skipped where they were not fetched. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";
import { REAL_TOKENIZERS, realTokenizers } from "../support/real-model.ts";
import { differences, readTexts, type TokenizerGolden } from "../support/tokenizers.ts";

const texts = readTexts();

describe.skipIf(realTokenizers.length === 0).each(realTokenizers)("%s", { timeout: 120_000 }, (name) => {
  const folder = join(REAL_TOKENIZERS, name);

  test("gives the ids that the tokenizers package gives", async () => {
    const golden = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8")) as TokenizerGolden;
    const tokenizer = await openTokenizer(folder);
    expect(golden.ids.length).toBe(texts.length);
    expect(differences(tokenizer, texts, golden)).toEqual([]);
    expect(tokenizer.text(tokenizer.size)).toBe("");
    expect(tokenizer.bytes(tokenizer.size + 12_345)).toEqual(new Uint8Array());
  });
});
