/**
 * From a text to token ids, as the `tokenizers` package does it with a tokenizer.json: added tokens, normalizer, words, model.
 * Its own code, tested against that package, because the ids must be the same: see docs/decisions/tokenizers.md.
 */
import { addedTokensOf } from "./added-tokens.ts";
import { modelOf } from "./models/model.ts";
import { normalizerOf } from "./rules/normalizers.ts";
import { preTokenizerOf } from "./rules/pre-tokenizers.ts";
import type { Json } from "./rules/rule.ts";

export interface Pipeline {
  /** Ids that it knows are below this. */
  readonly size: number;
  /** No special tokens are added; those that the text spells out are found. Half a surrogate pair is U+FFFD. */
  encode(text: string): number[];
  idOf(token: string): number | undefined;
  /** As the vocabulary spells it; undefined: there is none. */
  tokenOf(id: number): string | undefined;
  /** Whether it is an added token, which is spelled as it reads. */
  isAdded(id: number): boolean;
}

/** Throws `Unmet` for whatever a tokenizer.json asks for that is not done here exactly. */
export function pipelineOf(definition: Json): Pipeline {
  const normalizer = normalizerOf(definition.normalizer);
  const preTokenize = preTokenizerOf(definition.pre_tokenizer);
  const model = modelOf(definition.model);
  const { ids: modelIds, tokens: modelTokens } = model.vocabulary;
  const added = addedTokensOf(definition.added_tokens, { size: modelIds.size, idOf: (token) => modelIds.get(token) }, normalizer);

  const tokens = modelTokens.slice();
  for (const { id, content } of added.tokens) tokens[id] = content;
  const addedIds = new Map(added.tokens.map(({ id, content }) => [content, id]));
  const areAdded = new Set(addedIds.values());

  /** A part between the tokens that are found in the text as it was sent. */
  const encodePart = (text: string, first: boolean, ids: number[]): void => {
    const begins = first && (normalizer?.keepsStart(text) ?? true);
    for (const part of added.splitNormalized(normalizer ? normalizer.normalize(text) : text)) {
      if ("id" in part) ids.push(part.id);
      else for (const word of preTokenize(part.text, begins && part.start === 0)) model.encode(word, ids);
    }
  };

  return {
    size: tokens.length,
    encode: (text) => {
      const ids: number[] = [];
      for (const part of added.split(text.toWellFormed())) {
        if ("id" in part) ids.push(part.id);
        else encodePart(part.text, part.start === 0, ids);
      }
      return ids;
    },
    idOf: (token) => addedIds.get(token) ?? modelIds.get(token),
    tokenOf: (id) => tokens[id],
    isAdded: (id) => areAdded.has(id),
  };
}
