/** Chat templates of published models against transformers' `apply_chat_template`; skipped where they were not fetched. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ChatTemplateError, type Message } from "../../src/chat/chat-template.ts";
import { openChatTemplate } from "../../src/chat/open.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";

interface Chat {
  readonly messages: readonly Message[];
  readonly add_generation_prompt: boolean;
  readonly template_arguments: Readonly<Record<string, unknown>>;
  /** null, and ids too: the template refuses it, or fails. */
  readonly text: string | null;
  readonly ids: readonly number[] | null;
  /** By tokenizer.json alone. */
  readonly own: readonly number[] | null;
}

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "stratascope/tokenizers");
const names = existsSync(cache) ? readdirSync(cache).filter((name) => existsSync(join(cache, name, "chats.json"))) : [];
if (names.length === 0) console.warn("Chat templates of real models are not tested: scripts/real-tokenizers fetches them.");

test.skipIf(names.length === 0).each(names)("texts and ids are those of transformers: %s", { timeout: 120_000 }, async (name) => {
  const folder = join(cache, name);
  const { chats } = JSON.parse(readFileSync(join(folder, "chats.json"), "utf8")) as { chats: Chat[] };
  const tokenizer = await openTokenizer(folder);
  const template = await openChatTemplate(folder, tokenizer.bosId === null ? null : tokenizer.text(tokenizer.bosId));
  const taken = template.arguments();
  let [rendered, refused] = [0, 0];
  for (const { messages, add_generation_prompt: addGenerationPrompt, template_arguments: given, text, ids, own } of chats) {
    // transformers passes over what a template does not take.
    const args = Object.fromEntries(Object.entries(given).filter(([argument]) => taken.includes(argument)));
    if (text === null) {
      refused++;
      expect(() => template.render({ messages, addGenerationPrompt, args })).toThrow(ChatTemplateError);
      continue;
    }
    rendered++;
    expect(template.render({ messages, addGenerationPrompt, args })).toBe(text);
    const tokens = tokenizer.encode(text);
    expect(tokens).toEqual(own);
    // Of a class of its own transformers builds the tokenizer anew, and loses rules of tokenizer.json: nothing to follow.
    if (JSON.stringify(own) === JSON.stringify(ids)) expect(tokens).toEqual(ids);
  }
  expect(rendered).toBeGreaterThan(100);
  expect(rendered + refused).toBe(chats.length);
});

test.skipIf(names.length === 0).each(names)("a chat of a thousand messages is within the budget: %s", async (name) => {
  const template = await openChatTemplate(join(cache, name), null);
  const messages = Array.from({ length: 1000 }, (_, i) => ({
    role: i % 2 === 0 ? "user" : "assistant",
    content: `${i} `.repeat(40),
  }));
  const text = template.render({ messages, addGenerationPrompt: true, args: {} });
  for (const i of [0, 500, 999]) expect(text).toContain(`${i} ${i} ${i}`);
});
