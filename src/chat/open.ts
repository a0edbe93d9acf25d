/** A model folder's chat template. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ChatTemplate } from "./chat-template.ts";
import { specialTokens, templateSources } from "./source.ts";

/** Never throws: what is wrong with a template is told by whoever uses it. `bos`: the text of the model's BOS, if it has one. */
export async function openChatTemplate(folder: string, bos: string | null): Promise<ChatTemplate> {
  const config = await readConfig(folder);
  return new ChatTemplate(await templateSources(folder, config), specialTokens(config, bos));
}

async function readConfig(folder: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, "tokenizer_config.json"), "utf8"));
    return typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}
