import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pipelineOf } from "../../src/tokenizer/pipeline.ts";
import { type Json, Unmet } from "../../src/tokenizer/rules/rule.ts";

/** Written by scripts/real-tokenizers/rules.py: what the `tokenizers` package makes of small tokenizer.json files. */
interface Golden {
  readonly name: string;
  readonly definition: Json;
  readonly cases: readonly { readonly text: string; readonly ids: number[] }[];
}
const goldens = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/tokenizers/rules.json"), "utf8")) as Golden[];

test.each(goldens)("the ids of the tokenizers package: $name", ({ definition, cases }) => {
  const { encode } = pipelineOf(definition);
  expect(cases.map(({ text }) => ({ text, ids: encode(text) }))).toEqual(cases);
});

test("a long word takes time in proportion, and its merges do not depend on how it was cut", () => {
  const golden = goldens.find(({ name }) => name === "BPE") as Golden;
  const { encode } = pipelineOf(golden.definition);
  const ids = encode("hello▁world".repeat(20_000));
  expect(ids.length).toBe(encode("hello▁world").length * 20_000);
});

const LEVEL = { type: "WordLevel", vocab: { "[UNK]": 0 }, unk_token: "[UNK]" };
const BPE = { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: ["a b"] };
const split = (Regex: string) => ({ pre_tokenizer: { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false } });
const added = (token: Json) => ({ added_tokens: [{ id: 1, content: "<s>", ...token }] });

test.each<[Json, string]>([
  [{ normalizer: { type: "Upper" } }, 'normalizer is "Upper", which is not known'],
  [{ normalizer: "NFC" }, 'normalizer is "NFC"; an object with a type is expected'],
  [{ normalizer: { type: "NFC", form: 2 } }, "normalizer (NFC) has form 2, which is not known"],
  [
    { normalizer: { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "Append" }] } },
    'normalizer.normalizers[1] is "Append", which is not known',
  ],
  [
    { normalizer: { type: "Precompiled", precompiled_charsmap: "AAAA" } },
    'normalizer (Precompiled) has precompiled_charsmap "AAAA", which is not known',
  ],
  [{ pre_tokenizer: { type: "UnicodeScripts" } }, 'pre_tokenizer is "UnicodeScripts", which is not known'],
  [{ pre_tokenizer: { type: "ByteLevel" } }, "pre_tokenizer (ByteLevel) has add_prefix_space absent, which is not known"],
  [
    { pre_tokenizer: { type: "Punctuation", behavior: "Doubled" } },
    'pre_tokenizer (Punctuation) has behavior "Doubled", which is not known',
  ],
  [
    { pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "last" } },
    'pre_tokenizer (Metaspace) has prepend_scheme "last", which is not known',
  ],
  [
    { pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", add_prefix_space: false } },
    "pre_tokenizer (Metaspace) has add_prefix_space false, which is not known",
  ],
  [
    {
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [{ type: "WhitespaceSplit" }, { type: "Metaspace", replacement: "▁", prepend_scheme: "first" }],
      },
    },
    'pre_tokenizer.pretokenizers[1] (Metaspace) has prepend_scheme "first" behind another, which is not known',
  ],
  [split("a\\Kb"), 'pre_tokenizer (Split) has the pattern "a\\\\Kb": \\K is not known'],
  [split("(a"), 'pre_tokenizer (Split) has the pattern "(a": a group is not closed'],
  [split("a)"), 'pre_tokenizer (Split) has the pattern "a)": ")" at 1 closes nothing'],
  [split("(?x:a b)"), 'pre_tokenizer (Split) has the pattern "(?x:a b)": the group "(?x:" is not known'],
  [
    split("(?i:straße)"),
    'pre_tokenizer (Split) has the pattern "(?i:straße)": "st" regardless of case, which one character may match',
  ],
  [split("(?i:\\p{Lu})"), 'pre_tokenizer (Split) has the pattern "(?i:\\\\p{Lu})": \\p{Lu} regardless of case is not known'],
  [split("(?i:é)"), 'pre_tokenizer (Split) has the pattern "(?i:é)": "é" regardless of case is not known'],
  [split("[[:alpha:]]"), 'pre_tokenizer (Split) has the pattern "[[:alpha:]]": [:alpha:] is not known'],
  [split("[]a]"), 'pre_tokenizer (Split) has the pattern "[]a]": "]" first in a class, at 1, is not known'],
  [split("[a"), 'pre_tokenizer (Split) has the pattern "[a": a class is not closed'],
  [split("\\p{Han}"), 'pre_tokenizer (Split) has the pattern "\\\\p{Han}": \\p{Han} is not known'],
  [split("a{2}?"), 'pre_tokenizer (Split) has the pattern "a{2}?": "{2}?" means something else in every dialect'],
  [split("+a"), 'pre_tokenizer (Split) has the pattern "+a": "+" at 1 repeats nothing'],
  [{ model: { type: "X", vocab: {} } }, 'model is "X", which is not known'],
  [{ model: undefined }, "tokenizer.json has no model"],
  [{ model: { ...LEVEL, vocab: { a: -1 } } }, 'model.vocab: token "a" has the id -1'],
  [{ model: { ...LEVEL, vocab: [] } }, "model.vocab is []; an object from tokens to ids is expected"],
  [{ model: { ...LEVEL, unk_token: "<unk>" } }, 'model (WordLevel) has unk_token "<unk>", which is not known'],
  [{ model: { ...BPE, dropout: 0.1 } }, "model (BPE) has dropout 0.1, which is not known"],
  [{ model: { ...BPE, merges: ["a c"] } }, 'model.merges[0] is ["a","c"], and "c" is not in the vocabulary'],
  [{ model: { ...BPE, merges: ["a  b"] } }, 'model.merges[0] is "a  b"; two tokens are expected'],
  [{ model: { ...BPE, merges: [["a"]] } }, 'model.merges[0] is ["a"]; two tokens are expected'],
  [{ model: { ...BPE, merges: {} } }, "model.merges is {}; an array is expected"],
  [{ model: { ...BPE, unk_token: 5 } }, "model (BPE) has unk_token 5, which is not known"],
  [{ model: { type: "Unigram", vocab: [["a", 0]], unk_id: null } }, "model (Unigram) has unk_id null, which is not known"],
  [{ model: { type: "Unigram", vocab: [["a"]], unk_id: 0 } }, 'model.vocab has ["a"]; a token and its score are expected'],
  [{ added_tokens: {} }, "added_tokens is {}; an array is expected"],
  [{ added_tokens: ["<s>"] }, 'added_tokens has "<s>"; an object with a content and an id is expected'],
  [added({ id: 5 }), 'added token "<s>" has the id 5; in order of the file it is 1'],
  [added({ content: "[UNK]" }), 'added token "[UNK]" has the id 1; in order of the file it is 0'],
  [
    { normalizer: { type: "Strip", strip_left: true, strip_right: true }, ...added({ content: " ", normalized: true }) },
    'added token " " cannot be told from nothing',
  ],
])("refused: %j", (part, message) => {
  expect(() => pipelineOf({ model: LEVEL, ...part })).toThrow(new Unmet(message));
});

test("a merge of what is not in the vocabulary is refused when it is made", () => {
  const { encode } = pipelineOf({ model: { ...BPE, merges: ["a b", "b a"] } });
  expect(encode("abb")).toEqual([2, 1]);
  expect(() => encode("bba")).toThrow(new Unmet('model.merges[1] is ["b","a"], and what it makes is not in the vocabulary'));
});

test("a token for the unknown that does not exist is refused when a text needs it, as GPT-2's never does", () => {
  const { encode } = pipelineOf({ model: { ...BPE, type: undefined, unk_token: "" } });
  expect(encode("abab")).toEqual([2, 2]);
  expect(() => encode("abc")).toThrow(new Unmet('model.unk_token "" is not in the vocabulary, and "c" is neither'));
});

test("half a surrogate pair is U+FFFD, which is what becomes of it in UTF-8", () => {
  const { definition } = goldens.find(({ name }) => name === 'normalizer: {"type": "ByteLevel"}') as Golden;
  const { encode } = pipelineOf(definition);
  expect(encode("\ufffd\ue000\u0378")).not.toEqual(encode("x"));
  expect(encode("\ud800\ue000\u0378")).toEqual(encode("\ufffd\ue000\u0378"));
  expect(encode("\udfff\ue000\u0378")).toEqual(encode("\ufffd\ue000\u0378"));
});
