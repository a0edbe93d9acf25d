import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseDefinition } from "../../src/tokenizer/definition.ts";
import { ScannedMerges } from "../../src/tokenizer/models/scanned-merges.ts";
import { pipelineOf } from "../../src/tokenizer/pipeline.ts";
import type { Json } from "../../src/tokenizer/rules/rule.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const prose = readFileSync(join(import.meta.dirname, "../../models/prose-6m/tokenizer.json"), "utf8");
const TEXT = 'It was the best of times, "it" was \\ the worst — 東京 ½\n\t🦊.';

/** As Python writes it unless told otherwise. */
const inAscii = (json: string) => json.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** With the merges of prose-6m in another form. */
function withMerges(form: (merges: [string, string][]) => unknown, changes: Json = {}): Json {
  const definition = JSON.parse(prose);
  return { ...definition, model: { ...definition.model, merges: form(definition.model.merges), ...changes } };
}
const asTexts = (merges: [string, string][]) => merges.map((pair) => pair.join(" "));

test.each<[string, string, boolean]>([
  ["pairs", prose, true],
  ["pairs on one line", JSON.stringify(JSON.parse(prose)), true],
  ["in ASCII", inAscii(prose), true],
  ["texts", JSON.stringify(withMerges(asTexts), null, 2), true],
  ["texts in ASCII", inAscii(JSON.stringify(withMerges(asTexts))), true],
  ["texts after a comment", JSON.stringify(withMerges((merges) => ["#version: 0.2", ...asTexts(merges)])), true],
  [
    "before the vocabulary",
    JSON.stringify({
      ...withMerges((merges) => merges),
      model: { merges: JSON.parse(prose).model.merges, ...JSON.parse(prose).model },
    }),
    true,
  ],
  ["none", JSON.stringify(withMerges(() => [])), false],
])("merges are read as they are written: %s", (name, json, scanned) => {
  const plain = pipelineOf(JSON.parse(json));
  const definition = parseDefinition(bytesOf(json)) as { model: Json };
  expect(definition.model.merges instanceof ScannedMerges).toBe(scanned);
  const ids = pipelineOf(definition).encode(TEXT);
  expect(ids).toEqual(plain.encode(TEXT));
  if (name !== "none") expect(ids).toEqual(pipelineOf(JSON.parse(prose)).encode(TEXT));
});

test("a token that is called merges is none", () => {
  const vocab = { a: 0, b: 1, ab: 2, '"merges"': 3, merges: 4, '"merges": [': 5 };
  const json = JSON.stringify({ model: { type: "BPE", vocab, merges: [["a", "b"]] } });
  const definition = parseDefinition(bytesOf(json)) as { model: Json };
  expect(definition.model.vocab).toEqual(vocab);
  expect(pipelineOf(definition).encode("ab")).toEqual([2]);
});

test.each<[unknown, string]>([
  [["a c"], 'model.merges[0] is ["a","c"], and "c" is not in the vocabulary'],
  [["a b", "é a"], 'model.merges[1] is ["é","a"], and "é" is not in the vocabulary'],
  [["a  b"], 'model.merges[0] is "a  b"; two tokens are expected'],
  [["ab"], 'model.merges[0] is "ab"; two tokens are expected'],
  [[["a"]], 'model.merges[0] is ["a"]; two tokens are expected'],
  [[["a", "b", "a"]], 'model.merges[0] is ["a","b","a"]; two tokens are expected'],
  [[["a", 1]], 'model.merges[0] is ["a",1]; two tokens are expected'],
  [["a b", 5], "model.merges[1] is 5; two tokens are expected"],
])("what is wrong with merges is told alike: %j", (merges, message) => {
  const json = JSON.stringify({ model: { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges } });
  expect(() => pipelineOf(parseDefinition(bytesOf(json)) as Json)).toThrow(message);
  expect(() => pipelineOf(JSON.parse(json))).toThrow(message);
});

test("what is no JSON is none, wherever it breaks", () => {
  const at = prose.indexOf('"merges"');
  for (const end of [at - 40, at + 12, at + 400, prose.length - 3])
    expect(() => parseDefinition(bytesOf(prose.slice(0, end)))).toThrow(SyntaxError);
});
