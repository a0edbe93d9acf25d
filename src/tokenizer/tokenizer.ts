/** Text to token ids and back, as a model folder's tokenizer.json says. Belongs to the server: the engine knows no text. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { folderName } from "../engine/checkpoint/catalogue.ts";
import { Problem } from "../problem.ts";
import { type BosRule, bosRule } from "./bos.ts";
import { byteLevelBytes } from "./byte-level.ts";
import type { Pipeline } from "./pipeline.ts";
import { isObject, type Json, Unmet } from "./rules/rule.ts";

export interface TextTokenizer extends BosRule {
  /** Ids that it knows are below this. */
  readonly size: number;
  /** Token ids; no special token is added, but those that the text spells out are recognised. */
  encode(text: string): number[];
  /** One token's text; U+FFFD stands where its bytes are not UTF-8 by themselves. Empty for an id that is not known. */
  text(id: number): string;
  /** One token's exact bytes. */
  bytes(id: number): Uint8Array;
  /** Whether the bytes are UTF-8, so that `text` tells all of them. */
  isValidUtf8(id: number): boolean;
  /** The id of a text that is exactly one token, else null. */
  tokenId(text: string): number | null;
}

/** Reads a model folder's tokenizer. Throws `model_invalid` where there is none, or none that can be read. */
export async function openTokenizer(folder: string): Promise<TextTokenizer> {
  // Its code takes milliseconds to load, which only those pay who tokenize.
  const [{ pipelineOf }, { parseDefinition }] = await Promise.all([import("./pipeline.ts"), import("./definition.ts")]);
  const [definition, config, modelConfig] = await Promise.all([
    readJson(folder, "tokenizer.json", parseDefinition),
    readJson(folder, "tokenizer_config.json"),
    readJson(folder, "config.json"),
  ]);
  if (!definition) throw refused(folder, "tokenizer.json is missing");
  const tokenizer = met(folder, () => pipelineOf(definition));
  const encode = (text: string) => met(folder, () => tokenizer.encode(text));
  const { size } = tokenizer;
  const files = {
    postProcessor: definition.post_processor,
    config,
    modelConfig,
    idOf: (token: string) => tokenizer.idOf(token),
    size,
  };
  return {
    size,
    ...met(folder, () => bosRule(files)),
    encode,
    tokenId: (text) => {
      const ids = encode(text);
      return ids.length === 1 ? (ids[0] ?? null) : null;
    },
    ...spelling(tokenizer, definition),
  };
}

/** What `make` makes; the model is refused where its tokenizer asks for what is not done here. */
function met<Made>(folder: string, make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Unmet)) throw error;
    throw refused(folder, `tokenizer.json cannot be used: ${error.message}`);
  }
}

function spelling(tokenizer: Pipeline, definition: Json): Pick<TextTokenizer, "text" | "bytes" | "isValidUtf8"> {
  const spell = isByteLevel(definition) ? byteLevelBytes : sentencePieceBytes;
  const replacing = new TextDecoder("utf-8", { ignoreBOM: true });
  const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  const texts: string[] = []; // by id, as they are asked for
  const bytes = (id: number): Uint8Array => {
    const token = tokenizer.tokenOf(id) ?? "";
    return (tokenizer.isAdded(id) ? null : spell(token)) ?? new TextEncoder().encode(token);
  };
  return {
    bytes,
    text: (id) => (texts[id] ??= replacing.decode(bytes(id))),
    isValidUtf8: (id) => {
      try {
        strict.decode(bytes(id));
        return true;
      } catch {
        return false;
      }
    },
  };
}

function isByteLevel({ decoder, pre_tokenizer, normalizer }: Json): boolean {
  const parts = [decoder, pre_tokenizer, normalizer].flatMap((part) => [
    part,
    ...["decoders", "pretokenizers", "normalizers"].flatMap((key) => list(part, key)),
  ]);
  return parts.some((part) => isObject(part) && part.type === "ByteLevel");
}

/** SentencePiece spells text, with "▁" for a space, and single bytes as <0x0A>. */
function sentencePieceBytes(token: string): Uint8Array {
  const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
  return byte ? Uint8Array.of(Number.parseInt(byte, 16)) : new TextEncoder().encode(token.replaceAll("▁", " "));
}

async function readJson(folder: string, name: string, parse = parsePlain): Promise<Json | null> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(folder, name));
  } catch {
    return null;
  }
  let value: unknown;
  try {
    value = parse(bytes);
  } catch {
    throw refused(folder, `${name} is not JSON`);
  }
  if (!isObject(value)) throw refused(folder, `${name} is not a JSON object`);
  return value;
}

function parsePlain(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString("utf8"));
}

function refused(folder: string, what: string): Problem {
  return new Problem("model_invalid", `The model ${folderName(folder)} cannot be used. ${what}.`);
}

function list(value: unknown, key: string): unknown[] {
  return isObject(value) && Array.isArray(value[key]) ? value[key] : [];
}
