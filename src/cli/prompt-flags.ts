/** Flags that say how a prompt is read, for every command that takes one: BOS, and chats. */
import type { Chat } from "../schemas/chat.ts";
import type { CommandLine, Flags } from "./flags.ts";
import { flagValue, isGiven } from "./flags.ts";
import { UsageError } from "./usage-error.ts";

export const BOS_FLAGS: Flags = {
  bos: { help: "Put the beginning-of-text token first, whatever the model's tokenizer does" },
  "no-bos": { help: "Do not put the beginning-of-text token first" },
};

export const CHAT_FLAGS: Flags = {
  chat: { help: "The prompt is what a user says: the model's chat template makes a text of it, and begins the answer" },
  system: { value: "TEXT", help: "What the system says before it; a chat too" },
  "template-arg": {
    value: "NAME=VALUE",
    help: "What the chat template takes beside, such as enable_thinking=false. May be repeated",
  },
};

/** `prepend_bos`, where a flag says it. */
export function bosFields(line: CommandLine): { readonly prepend_bos?: boolean } {
  const [bos, none] = [isGiven(line, "bos"), isGiven(line, "no-bos")];
  if (bos && none) throw new UsageError("--bos and --no-bos exclude each other: give one of them.");
  return bos || none ? { prepend_bos: bos } : {};
}

/** A prompt, or the chat that it is where a flag says so: with what the system says before it, and template arguments. */
export function promptFields(line: CommandLine, text: string): { readonly prompt: string } | Chat {
  const system = flagValue(line, "system");
  const given = line.given.filter(({ name }) => name === "template-arg").map(({ value }) => argument(value));
  if (!isGiven(line, "chat") && system === undefined) {
    if (given.length > 0) throw new UsageError("--template-arg is for chats: give --chat too.");
    return { prompt: text };
  }
  return {
    messages: [...(system === undefined ? [] : [{ role: "system", content: system }]), { role: "user", content: text }],
    ...(given.length > 0 ? { template_arguments: Object.fromEntries(given) } : {}),
  };
}

function argument(text: string): [string, unknown] {
  const at = text.indexOf("=");
  if (at < 1)
    throw new UsageError(`--template-arg is ${JSON.stringify(text)}; it must be NAME=VALUE, such as enable_thinking=false.`);
  const value = text.slice(at + 1);
  try {
    return [text.slice(0, at), JSON.parse(value) as unknown];
  } catch {
    return [text.slice(0, at), value];
  }
}
