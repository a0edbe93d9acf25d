import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { byteLevelBytes } from "../../src/tokenizer/byte-level.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";
import { differences, readProseGolden, readTexts } from "../support/tokenizers.ts";

const ROOT = join(import.meta.dirname, "../..");
const GPT2 = join(ROOT, "test/fixtures/checkpoints/gpt2");
const PROSE = join(ROOT, "models/prose-6m");

interface Reference {
  readonly text: string;
  readonly ids: number[];
  readonly tokens: string[];
}
const references = JSON.parse(readFileSync(join(ROOT, "test/fixtures/reference/tokenizer.json"), "utf8")) as Reference[];

/** A fixture's folder with other files, gone after the test. */
function folderWith(files: Readonly<Record<string, unknown>>, source?: string): string {
  const parent = mkdtempSync(join(tmpdir(), "stratascope-"));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  const folder = join(parent, "model");
  mkdirSync(folder);
  if (source)
    for (const name of ["tokenizer.json", "tokenizer_config.json", "config.json"]) cpSync(join(source, name), join(folder, name));
  for (const [name, value] of Object.entries(files))
    writeFileSync(join(folder, name), typeof value === "string" ? value : JSON.stringify(value));
  return folder;
}

test.each(references)("encodes as the reference: $text", async ({ text, ids, tokens }) => {
  const tokenizer = await openTokenizer(GPT2);
  expect(tokenizer.encode(text)).toEqual(ids);
  expect(ids.map(tokenizer.bytes)).toEqual(tokens.map(byteLevelBytes));
  expect(Buffer.concat(ids.map(tokenizer.bytes)).toString()).toBe(text);
});

test("what is shipped gives the ids of the tokenizers package, on texts that trip up tokenizers", async () => {
  const texts = readTexts();
  const golden = readProseGolden();
  expect(golden.ids.length).toBe(texts.length);
  expect(differences(await openTokenizer(PROSE), texts, golden)).toEqual([]);
});

test.each([GPT2, PROSE])("the bytes of a text's tokens are the text's: %s", async (folder) => {
  const tokenizer = await openTokenizer(folder);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const ids = tokenizer.encode(text);
      expect(Buffer.concat(ids.map(tokenizer.bytes)).toString()).toBe(text);
      expect(ids.every((id) => id < tokenizer.size)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("a token's text tells its bytes, or says that it cannot", async () => {
  const tokenizer = await openTokenizer(PROSE);
  expect(tokenizer.size).toBe(4096);
  const [space, ...east] = tokenizer.encode(" 東");
  expect([space, ...east].map((id) => tokenizer.isValidUtf8(id as number))).toContain(false);
  const broken = east.find((id) => !tokenizer.isValidUtf8(id)) as number;
  expect(tokenizer.text(broken)).toContain("\uFFFD");
  for (let id = 0; id < tokenizer.size; id++) {
    const bytes = tokenizer.bytes(id);
    expect(bytes.length).toBeGreaterThan(0);
    if (tokenizer.isValidUtf8(id)) expect(Buffer.from(tokenizer.text(id))).toEqual(Buffer.from(bytes));
  }
});

test("an id beyond the tokenizer's, as padded vocabularies have them, has no text", async () => {
  const tokenizer = await openTokenizer(PROSE);
  for (const id of [4096, 151_935, 2 ** 31]) {
    expect(tokenizer.text(id)).toBe("");
    expect(tokenizer.bytes(id)).toEqual(new Uint8Array());
    expect(tokenizer.isValidUtf8(id)).toBe(true);
  }
});

test("special tokens are their own text, and recognised in a text, but never added", async () => {
  const tokenizer = await openTokenizer(GPT2);
  expect(tokenizer.bosId).toBe(0);
  expect(tokenizer.text(0)).toBe("<|endoftext|>");
  expect(tokenizer.encode("<|endoftext|>The")).toEqual([0, 315]);
  expect(tokenizer.encode("")).toEqual([]);
});

test("a BOS that the tokenizer would add itself is never there, so that it cannot come twice", async () => {
  const definition = JSON.parse(readFileSync(join(GPT2, "tokenizer.json"), "utf8"));
  const template = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<|endoftext|>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { "<|endoftext|>": { id: "<|endoftext|>", ids: [0], tokens: ["<|endoftext|>"] } },
  };
  const processors = [{ type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true }, template];
  const config = { bos_token: "<|endoftext|>", add_bos_token: true };
  for (const post_processor of [template, { type: "Sequence", processors }]) {
    const files = { "tokenizer.json": { ...definition, post_processor }, "tokenizer_config.json": config };
    const tokenizer = await openTokenizer(folderWith(files, GPT2));
    expect(tokenizer.bosId).toBe(0);
    expect(tokenizer.encode("The")).toEqual([315]);
    expect(tokenizer.tokenId("The")).toBe(315);
    expect(tokenizer.encode("<|endoftext|>The")).toEqual([0, 315]);
  }
});

test("a text that is exactly one token has an id", async () => {
  const tokenizer = await openTokenizer(PROSE);
  expect(tokenizer.tokenId(" the")).toBe(263);
  expect(tokenizer.tokenId("<|endoftext|>")).toBe(0);
  expect(tokenizer.tokenId(" the door")).toBeNull();
  expect(tokenizer.tokenId("東")).toBeNull();
  expect(tokenizer.tokenId("")).toBeNull();
});

test.each([
  ["a token's object", { "tokenizer_config.json": { bos_token: { content: "T" } } }, 52],
  ["a model without one", { "tokenizer_config.json": { bos_token: null } }, null],
  [
    "the configuration's id where the tokenizer's says nothing",
    { "tokenizer_config.json": {}, "config.json": { bos_token_id: 5 } },
    5,
  ],
  ["an id that does not exist", { "tokenizer_config.json": {}, "config.json": { bos_token_id: 50256 } }, null],
  ["a token that does not exist", { "tokenizer_config.json": { bos_token: "<s>" } }, null],
])("what a prompt begins with: %s", async (_, files, bosId) => {
  expect((await openTokenizer(folderWith(files, GPT2))).bosId).toBe(bosId);
});

test("SentencePiece's spelling: spaces, and bytes by their number", async () => {
  const model = { type: "BPE", vocab: { "▁a": 0, "<0x0A>": 1, "<0xE6>": 2, é: 3 }, merges: [], byte_fallback: true };
  const definition = { model, added_tokens: [], decoder: null, pre_tokenizer: null, post_processor: null, normalizer: null };
  const tokenizer = await openTokenizer(folderWith({ "tokenizer.json": definition }));
  expect([0, 1, 2, 3].map(tokenizer.text)).toEqual([" a", "\n", "\uFFFD", "é"]);
  expect([0, 1, 2, 3].map(tokenizer.isValidUtf8)).toEqual([true, true, false, true]);
  expect(tokenizer.bosId).toBeNull();
  expect(tokenizer.encode("xé\u{1F98A}")).toEqual([3]);
});

test.each([
  ["missing", {}, "tokenizer.json is missing"],
  ["no JSON", { "tokenizer.json": "{" }, "tokenizer.json is not JSON"],
  ["no object", { "tokenizer.json": "[]" }, "tokenizer.json is not a JSON object"],
  [
    "of an unknown kind",
    {
      "tokenizer.json": {
        model: { type: "X" },
        added_tokens: [],
        decoder: null,
        pre_tokenizer: { type: "X" },
        post_processor: null,
        normalizer: null,
      },
    },
    'tokenizer.json cannot be used: pre_tokenizer is "X", which is not known',
  ],
  ["a broken configuration", { "tokenizer.json": "{}", "tokenizer_config.json": "?" }, "tokenizer_config.json is not JSON"],
])("refused: %s", async (_, files, message) => {
  await expect(openTokenizer(folderWith(files))).rejects.toMatchObject({
    code: "model_invalid",
    message: `The model model cannot be used. ${message}.`,
  });
});
