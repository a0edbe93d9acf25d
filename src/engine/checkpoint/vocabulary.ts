import { decodeText, isObject, type JsonObject } from "./files.ts";
import { quote } from "./problems.ts";

/**
 * How many token ids a tokenizer.json knows: the highest of its vocabulary and its added tokens, plus 1. null, with a
 * problem added, where the file has no vocabulary.
 */
export function countTokens(bytes: Uint8Array, problems: string[]): number | null {
  const text = decodeText(bytes);
  const tokenizer = text === null ? null : (parseWithoutMerges(text) ?? parse(text));
  if (!isObject(tokenizer)) {
    problems.push(`tokenizer.json is not a JSON object; it begins with ${quote((text ?? "").slice(0, 20))}`);
    return null;
  }
  const vocabulary = vocabularyOf(tokenizer);
  if (!isObject(vocabulary)) {
    problems.push(`tokenizer.json: model.vocab is ${quote(vocabulary)}; an object from tokens to ids is expected`);
    return null;
  }
  let highest = -1;
  for (const token in vocabulary) highest = Math.max(highest, checkedId(vocabulary[token], token, problems));
  const added = tokenizer.added_tokens ?? [];
  if (!Array.isArray(added)) problems.push(`tokenizer.json: added_tokens is ${quote(added)}; an array is expected`);
  for (const token of Array.isArray(added) ? added : []) {
    highest = Math.max(
      highest,
      isObject(token) ? checkedId(token.id, token.content, problems) : checkedId(token, token, problems),
    );
  }
  if (highest < 0) problems.push("tokenizer.json has no tokens");
  return highest < 0 ? null : highest + 1;
}

/**
 * The merges are most of the file and say nothing of ids, so they are cut out before parsing: from `"merges": [` to the
 * last bracket. null where what is left does not hold both vocabularies: they came after the merges.
 */
function parseWithoutMerges(text: string): JsonObject | null {
  // Within a string the quotes would be escaped; the value of a token is no array.
  const merges = /"merges"\s*:\s*\[/.exec(text);
  if (!merges) return null;
  const tokenizer = parse(`${text.slice(0, merges.index)}"merges":[]${text.slice(text.lastIndexOf("]") + 1)}`);
  return isObject(tokenizer) && isObject(vocabularyOf(tokenizer)) && Array.isArray(tokenizer.added_tokens) ? tokenizer : null;
}

function vocabularyOf(tokenizer: JsonObject): unknown {
  return isObject(tokenizer.model) ? tokenizer.model.vocab : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function checkedId(id: unknown, token: unknown, problems: string[]): number {
  if (Number.isSafeInteger(id) && (id as number) >= 0) return id as number;
  problems.push(`tokenizer.json: token ${quote(token)} has the id ${quote(id)}; a whole number from 0 is expected`);
  return -1;
}
