import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TextTokenizer } from "../../src/tokenizer/tokenizer.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/tokenizers");

/** What scripts/real-tokenizers/golden.py writes: ids that the `tokenizers` package gives, without special tokens. */
export interface TokenizerGolden {
  /** For each of `readTexts()`. */
  readonly ids: readonly number[][];
  /** Texts with the tokenizer's added tokens in them. */
  readonly own: readonly { readonly text: string; readonly ids: number[] }[];
}

export function readTexts(): string[] {
  return JSON.parse(readFileSync(join(FIXTURES, "texts.json"), "utf8")) as string[];
}

/** Of the tokenizer that is shipped. */
export function readProseGolden(): TokenizerGolden {
  return JSON.parse(readFileSync(join(FIXTURES, "prose-6m.json"), "utf8")) as TokenizerGolden;
}

/** The texts whose ids are others, with both. */
export function differences({ encode }: TextTokenizer, texts: readonly string[], { ids, own }: TokenizerGolden) {
  const cases = [...texts.map((text, i) => ({ text, ids: ids[i] ?? [] })), ...own];
  return cases
    .map(({ text, ids }) => ({ text, expected: ids.join(" "), ids: encode(text).join(" ") }))
    .filter(({ expected, ids }) => ids !== expected);
}
