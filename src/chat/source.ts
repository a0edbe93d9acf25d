/** Where a model folder keeps its chat templates, as transformers looks for them. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Characters of a template: the longest published ones have some 20,000. */
export const MAX_TEMPLATE_CHARS = 262_144;
/** In bytes of UTF-8. */
const MAX_TEMPLATE_BYTES = 4 * MAX_TEMPLATE_CHARS;

export const TEMPLATE_FILE = "chat_template.jinja";
export const TEMPLATE_FOLDER = "chat_templates";

/** A template and the file that it was found in. */
export interface TemplateSource {
  readonly name: string;
  readonly file: string;
  readonly text: string;
}

type Json = { readonly [key: string]: unknown };

/**
 * Templates by name: `chat_template.jinja` (named default) and `chat_templates/*.jinja`; where there are none of these
 * files, `chat_template` of tokenizer_config.json: a text (named default), or a list of `{ name, template }`.
 */
export async function templateSources(folder: string, config: Json | null): Promise<readonly TemplateSource[]> {
  const files = [TEMPLATE_FILE, ...(await names(join(folder, TEMPLATE_FOLDER))).map((name) => `${TEMPLATE_FOLDER}/${name}`)];
  const found = (await Promise.all(files.map((file) => fromFile(folder, file)))).filter((source) => source !== null);
  return found.length > 0 ? found : fromConfig(config?.chat_template);
}

async function names(folder: string): Promise<string[]> {
  const all = await readdir(folder).catch(() => []);
  return all.filter((name) => name.endsWith(".jinja")).sort();
}

async function fromFile(folder: string, file: string): Promise<TemplateSource | null> {
  const name = file === TEMPLATE_FILE ? "default" : file.slice(TEMPLATE_FOLDER.length + 1, -".jinja".length);
  try {
    const { size } = await stat(join(folder, file));
    // What is too long is told when the template is used.
    const text = size > MAX_TEMPLATE_BYTES ? " ".repeat(MAX_TEMPLATE_CHARS + 1) : await readFile(join(folder, file), "utf8");
    return { name, file, text };
  } catch {
    return null;
  }
}

function fromConfig(template: unknown): TemplateSource[] {
  const file = "tokenizer_config.json";
  if (typeof template === "string") return [{ name: "default", file, text: template }];
  if (!Array.isArray(template)) return [];
  return template.flatMap((one: unknown) => {
    const { name, template: text } = (typeof one === "object" ? one : null) as { name?: unknown; template?: unknown };
    return typeof name === "string" && typeof text === "string" ? [{ name, file, text }] : [];
  });
}

/** Attributes that are special tokens to every tokenizer; others that end in `_token` are a model's own. */
const IS_SPECIAL = /^[a-z0-9_]+_token$/;

/** Special tokens that templates are given, by name: what tokenizer_config.json says, and BOS where only others say it. */
export function specialTokens(config: Json | null, bos: string | null): Readonly<Record<string, string>> {
  const { extra_special_tokens: extra } = config ?? {};
  const own = typeof extra === "object" && !Array.isArray(extra) ? (extra as Json | null) : null;
  const named = Object.entries({ ...own, ...config }).flatMap(([name, token]): [string, string][] => {
    const text = typeof token === "object" && token !== null ? (token as Json).content : token;
    return IS_SPECIAL.test(name) && typeof text === "string" ? [[name, text]] : [];
  });
  return { ...(bos !== null && config?.bos_token === undefined ? { bos_token: bos } : {}), ...Object.fromEntries(named) };
}
