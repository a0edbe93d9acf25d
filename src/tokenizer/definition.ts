import { type ScannedMerges, scanMerges } from "./models/scanned-merges.ts";
import { isObject, type Json } from "./rules/rule.ts";

/**
 * A tokenizer.json as an object. Most of a large one are the merges, of which a text needs few: they are not made into strings
 * but stand in `model.merges` as `ScannedMerges`, where they are written as usual. Throws a `SyntaxError` where it is no JSON.
 */
export function parseDefinition(bytes: Uint8Array): unknown {
  const text = (from: number, to: number) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(from, to));
  const found = findMerges(bytes);
  if (found) {
    const { at, merges } = found;
    const definition: unknown = JSON.parse(`${text(0, at)}[]${text(merges.end, bytes.length)}`);
    if (isObject(definition) && isObject(definition.model) && Array.isArray(definition.model.merges)) {
      (definition.model as { merges: unknown }).merges = merges;
      return definition;
    }
  }
  return JSON.parse(text(0, bytes.length)) as Json;
}

const KEY = new TextEncoder().encode('"merges"');

/** The first `"merges": [`. Within a string the quotes would be escaped, and a token of that name has a number for its value. */
function findMerges(bytes: Uint8Array): { readonly at: number; readonly merges: ScannedMerges } | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let key = buffer.indexOf(KEY); key >= 0; key = buffer.indexOf(KEY, key + 1)) {
    const [colon] = /^\s*:\s*(?=\[)/.exec(buffer.toString("latin1", key + KEY.length, key + KEY.length + 64)) ?? [];
    if (colon === undefined) continue;
    const at = key + KEY.length + colon.length;
    const merges = scanMerges(bytes, at);
    return merges && { at, merges };
  }
  return null;
}
