/** From a text, ids or a chat to the tokens of a run: who puts BOS first, and bounds. */
import { ChatTemplateError } from "../chat/chat-template.ts";
import type { Chat } from "../schemas/chat.ts";
import type { BosInfo, ChatInfo } from "../schemas/events.ts";
import { MAX_PROMPT_CHARS } from "../schemas/limits.ts";
import type { ServedModel } from "./served-models.ts";
import { checkIds, refuse } from "./tokens.ts";

/** Tokens that a message names. */
const MOST_SHOWN = 4;

/** One of text, ids and chat; the first that is there counts. */
export interface TokensRequest {
  readonly ids?: readonly number[] | undefined;
  readonly chat?: Chat | undefined;
  readonly text?: string | undefined;
  /** undefined: what the model's tokenizer does with a text, and no BOS before ids and chats. */
  readonly prependBos?: boolean | undefined;
  /** Tokens beyond these, BOS included, are cut off. */
  readonly most?: number | null | undefined;
}

/** What fields of the body the parts of a request are called, without their first slash. */
export interface FieldNames {
  readonly text: string;
  readonly ids: string;
  /** Where `messages` and what belongs to them stand: empty, or with a slash at its end. */
  readonly chat?: string;
}

/** A prompt as the model reads it. */
export interface ReadPrompt {
  readonly tokens: number[];
  readonly bos: BosInfo;
  readonly chat: ChatInfo | null;
}

/** Token ids, at least one and at most the context. Throws `invalid_request` with the value seen and the bound. */
export function tokensOf(request: TokensRequest, model: ServedModel, fields: FieldNames): number[] {
  return readPrompt(request, model, fields).tokens;
}

/** The tokens, and what was done to have them. Throws `invalid_request` with the value seen and the bound. */
export function readPrompt(request: TokensRequest, model: ServedModel, fields: FieldNames): ReadPrompt {
  const { text = "", ids, prependBos, most } = request;
  const { bosId } = model.tokenizer;
  if (prependBos && bosId === null)
    refuse("/prepend_bos", `the model ${model.id} has no BOS token, so prepend_bos cannot be true`);
  if (ids) checkIds(ids, model, fields.ids);
  const at = fields.chat ?? "";
  const chat = !ids && request.chat ? rendered(request.chat, model, at) : null;
  const pointer = `/${ids ? fields.ids : chat ? `${at}messages` : fields.text}`;
  const tokens = ids ? [...ids] : model.tokenizer.encode(chat?.text ?? text);
  if (tokens.length === 0) refuse(pointer, `a ${chat ? "chat" : "prompt"} of 0 tokens is less than the least allowed, 1`);
  const bos = !ids && !chat ? ofText(prependBos, model, pointer) : prependBos === true;
  const prepended = bos && bosId !== null && tokens[0] !== bosId;
  if (prepended) tokens.unshift(bosId);
  if (typeof most === "number") tokens.splice(most);
  if (tokens.length > model.contextLength) {
    refuse(
      pointer,
      `a prompt of ${tokens.length} tokens (BOS included) is more than the context of ${model.id} holds, ${model.contextLength}`,
    );
  }
  return { tokens, bos: { prepended, by: ids || prependBos !== undefined ? "request" : "tokenizer" }, chat };
}

/** Whether a text gets BOS. Refuses a tokenizer that would put something after the text, unless it was said what is put around it. */
function ofText(prependBos: boolean | undefined, { id, tokenizer }: ServedModel, pointer: string): boolean {
  if (prependBos !== undefined) return prependBos;
  const { appends } = tokenizer;
  const shown = appends.slice(0, MOST_SHOWN).map((token) => JSON.stringify(tokenizer.text(token)));
  if (appends.length > MOST_SHOWN) shown.push(`${appends.length - MOST_SHOWN} more`);
  const after = shown.join(", ");
  if (after !== "")
    refuse(
      pointer,
      `the tokenizer of ${id} puts ${after} after every text, which is not done here: say prepend_bos, or give tokens`,
    );
  return tokenizer.addsBos;
}

/** The text of a chat, by the model's own template. `at`: where its fields stand in the request. */
function rendered(chat: Chat, model: ServedModel, at: string): ChatInfo {
  const { messages, add_generation_prompt: addGenerationPrompt = true, template_arguments: args = {} } = chat;
  let text: string;
  try {
    text = model.chat.render({ messages, addGenerationPrompt, args });
  } catch (error) {
    if (!(error instanceof ChatTemplateError)) throw error;
    const field = error.reason === "arguments" ? "template_arguments" : "messages";
    return refuse(`/${at}${field}`, `${refusal(model.id, error)}`);
  }
  if (text.length > MAX_PROMPT_CHARS)
    refuse(
      `/${at}messages`,
      `the chat template of ${model.id} makes a text of ${text.length} characters of them, more than the most allowed, ${MAX_PROMPT_CHARS}`,
    );
  return { text, add_generation_prompt: addGenerationPrompt, template_arguments: args };
}

function refusal(id: string, { reason, message }: ChatTemplateError): string {
  switch (reason) {
    case "missing":
      return `the model ${id} has no chat template, so it takes no messages: ${message}`;
    case "refused":
      return `the chat template of ${id} refuses them: ${message}`;
    case "failed":
      return `the chat template of ${id} fails on them: ${message}`;
    case "unusable":
      return `the chat template of ${id} cannot be used: ${message}`;
    default:
      return `the chat template of ${id} ${message}`;
  }
}
