import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lowercase, normalForm } from "../../src/tokenizer/rules/normalizer.ts";
import { translate } from "../../src/tokenizer/rules/pattern.ts";
import { splitText } from "../../src/tokenizer/rules/split.ts";

/** Written by scripts/real-tokenizers/rules.py: what the `tokenizers` package makes of every character. */
const golden = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/tokenizers/characters.json"), "utf8")) as {
  readonly patterns: Readonly<Record<string, string>>;
  readonly forms: Readonly<Record<"NFC" | "NFD" | "NFKC" | "NFKD", Readonly<Record<string, string>>>>;
  readonly lower: string;
};

const characters: readonly string[] = (() => {
  const all: string[] = [];
  for (let code = 0; code < 0x110000; code++) if (code < 0xd800 || code > 0xdfff) all.push(String.fromCodePoint(code));
  return all;
})();
const every = characters.join("");
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
/** A line for each character, with what stands around it. */
const lines = (context: string): string => characters.map((char) => context.replace("X", () => char)).join("\n");

test.each(Object.entries(golden.patterns))("of all characters %s matches what it does there", (pattern, left) => {
  expect(hash(splitText(every, translate(pattern), "Removed").join(""))).toBe(left);
});

test.each(
  Object.entries(golden.forms).flatMap(([form, contexts]) =>
    Object.entries(contexts).map(([context, made]) => [form as "NFC", JSON.stringify(context), context, made] as const),
  ),
)("all characters in %s, with what stands around them: %s", (form, _, context, made) => {
  expect(hash(normalForm(lines(context), form))).toBe(made);
});

test("all characters in lower case", () => {
  expect(hash(lowercase(lines("X")))).toBe(golden.lower);
});
