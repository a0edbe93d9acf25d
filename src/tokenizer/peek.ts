/** What lists say of a model's BOS without opening its tokenizer: only the small parts of its files are parsed. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { bosRule } from "./bos.ts";
import type { Json } from "./rules/rule.ts";

export interface ModelBos {
  readonly id: number;
  readonly text: string;
  /** Whether the tokenizer itself puts it before a text. */
  readonly addsBos: boolean;
}

/** The BOS of a model's folder; null: it has none, or its files cannot be used. Never throws. */
export async function peekBos(folder: string): Promise<ModelBos | null> {
  try {
    const [definition, config, modelConfig] = await Promise.all([
      readFile(join(folder, "tokenizer.json"), "utf8"),
      readJson(join(folder, "tokenizer_config.json")),
      readJson(join(folder, "config.json")),
    ]);
    return (
      fromParts(withoutModel(definition), config, modelConfig) ?? fromParts(JSON.parse(definition) as Json, config, modelConfig)
    );
  } catch {
    return null;
  }
}

/** tokenizer.json up to its model, which is nearly all of it; null where that leaves nothing that can be used. */
function withoutModel(definition: string): Json | null {
  // Within a string the quotes would be escaped; no other part has a field of that name with an object in it.
  const model = /"model"\s*:\s*\{/.exec(definition);
  if (!model) return null;
  try {
    const parts = JSON.parse(`${definition.slice(0, model.index)}"model":null}`) as Json;
    return "post_processor" in parts && Array.isArray(parts.added_tokens) ? parts : null;
  } catch {
    return null;
  }
}

/** null too where BOS is none of the tokens that are there: it may be one of the model's. */
function fromParts(parts: Json | null, config: Json | null, modelConfig: Json | null): ModelBos | null {
  if (!parts) return null;
  const ids = new Map<string, number>();
  const model = parts.model as { readonly vocab?: unknown } | null | undefined;
  if (typeof model?.vocab === "object" && model.vocab !== null)
    for (const [token, id] of Object.entries(model.vocab)) ids.set(token, id as number);
  for (const { content, id } of parts.added_tokens as { content: string; id: number }[]) ids.set(content, id);
  const rule = { postProcessor: parts.post_processor, config, modelConfig, idOf: (token: string) => ids.get(token) };
  const { bosId, addsBos } = bosRule({ ...rule, size: Number.POSITIVE_INFINITY });
  const [text] = [...ids].find(([, id]) => id === bosId) ?? [];
  return bosId === null || text === undefined ? null : { id: bosId, text, addsBos };
}

async function readJson(path: string): Promise<Json | null> {
  const text = await readFile(path, "utf8").catch(() => null);
  return text === null ? null : (JSON.parse(text) as Json);
}
