/** What a model's own tokenizer puts around a text: whether BOS comes first when nobody says so. */

import { isObject, type Json, quote, Unmet } from "./rules/rule.ts";

/** Special tokens around a text: ids. */
export interface Surroundings {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

export interface BosRule {
  /** What a prompt begins with; null: the model has none. */
  readonly bosId: number | null;
  /** Whether the tokenizer itself puts it before a text. */
  readonly addsBos: boolean;
  /** What it puts after a text, such as EOS; mostly nothing. */
  readonly appends: readonly number[];
}

/** What the rule is read from: the files of a model's folder, as objects, and the ids of its tokens. */
export interface BosFiles {
  /** tokenizer.json's `post_processor`. */
  readonly postProcessor: unknown;
  /** tokenizer_config.json; null: there is none. */
  readonly config: Json | null;
  /** config.json; null: there is none. */
  readonly modelConfig: Json | null;
  /** The id of a token by its text; none: there is no such token. */
  readonly idOf: (token: string) => number | undefined;
  /** Ids are below this. */
  readonly size: number;
}

/**
 * BOS and who puts it there. `add_bos_token` of tokenizer_config.json decides where it stands, and `add_eos_token` beside
 * it; else what tokenizer.json's post-processor adds to a text. Throws `Unmet` that names what cannot be met.
 */
export function bosRule({ postProcessor, config, modelConfig, idOf, size }: BosFiles): BosRule {
  const { before, after } = surroundingsOf(postProcessor);
  const unknown = [...before, ...after].find((id) => id >= size);
  if (unknown !== undefined) throw new Unmet(`post_processor adds token ${unknown}, and the last is ${size - 1}`);
  if (before.length > 1)
    throw new Unmet(
      `post_processor puts ${before.length} tokens before a text (${quote(before)}), and 1 is the most that is met`,
    );
  const bosId = before[0] ?? named("bos", config, modelConfig, idOf, size);
  const eosId = named("eos", config, modelConfig, idOf, size);
  const { add_bos_token: addsBos, add_eos_token: addsEos } = config ?? {};
  return {
    bosId,
    addsBos: bosId !== null && (typeof addsBos === "boolean" ? addsBos : before.length > 0),
    appends: typeof addsEos === "boolean" ? (addsEos && eosId !== null ? [eosId] : []) : after,
  };
}

/** What a post-processor of tokenizer.json puts around a single text. Throws `Unmet` for one that is not known. */
export function surroundingsOf(processor: unknown): Surroundings {
  if (processor === null || processor === undefined) return NOTHING;
  const { type, ...fields } = isObject(processor) ? processor : {};
  if (type === "ByteLevel") return NOTHING;
  if (type === "Sequence" && Array.isArray(fields.processors)) {
    // Each is put around what the ones before it made.
    return fields.processors.map(surroundingsOf).reduce(
      (inner, outer) => ({
        before: [...outer.before, ...inner.before],
        after: [...inner.after, ...outer.after],
      }),
      NOTHING,
    );
  }
  if (type === "TemplateProcessing" && Array.isArray(fields.single)) return ofTemplate(fields.single, fields.special_tokens);
  if ((type === "BertProcessing" || type === "RobertaProcessing") && Array.isArray(fields.cls) && Array.isArray(fields.sep))
    return { before: [whole(fields.cls[1])], after: [whole(fields.sep[1])] };
  throw new Unmet(`post_processor ${JSON.stringify(type ?? null)} is none that is known`);
}

const NOTHING: Surroundings = { before: [], after: [] };

/** `single`: special tokens and the text itself, `{ "Sequence": { "id": "A" } }`, in order. */
function ofTemplate(single: readonly unknown[], tokens: unknown): Surroundings {
  const parts = single.map((part) => (isObject(part) && isObject(part.SpecialToken) ? String(part.SpecialToken.id) : null));
  const at = parts.indexOf(null);
  if (at < 0 || parts.lastIndexOf(null) !== at) throw new Unmet("post_processor has no template with the text in it once");
  const ids = (names: readonly (string | null)[]) => names.flatMap((name) => idsOf(name as string, tokens));
  return { before: ids(parts.slice(0, at)), after: ids(parts.slice(at + 1)) };
}

function idsOf(name: string, tokens: unknown): number[] {
  const token = isObject(tokens) ? tokens[name] : undefined;
  if (!isObject(token) || !Array.isArray(token.ids)) throw new Unmet(`post_processor has no ids for ${JSON.stringify(name)}`);
  return token.ids.map(whole);
}

/** The token that tokenizer_config.json names (null there: none), or else the id in config.json. */
function named(
  kind: "bos" | "eos",
  config: Json | null,
  modelConfig: Json | null,
  idOf: BosFiles["idOf"],
  size: number,
): number | null {
  const name = config?.[`${kind}_token`];
  if (name === null) return null;
  const token = isObject(name) ? name.content : name;
  const id = typeof token === "string" ? idOf(token) : modelConfig?.[`${kind}_token_id`];
  return Number.isInteger(id) && (id as number) >= 0 && (id as number) < size ? (id as number) : null;
}

function whole(id: unknown): number {
  if (!Number.isInteger(id) || (id as number) < 0)
    throw new Unmet(`post_processor has an id ${JSON.stringify(id)}, which is none`);
  return id as number;
}
