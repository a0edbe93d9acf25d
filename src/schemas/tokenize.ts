import { z } from "@hono/zod-openapi";
import { chatFields, checkPrompt } from "./chat.ts";
import { BosInfo, ChatInfo, Token } from "./events.ts";
import { Prompt, TokenIds } from "./prompt.ts";

/** The body of `POST /v1/models/{model}/tokenize`. */
export const TokenizeRequest = z
  .strictObject({
    text: Prompt.optional().describe("A text to cut into tokens. Either this, ids or messages."),
    ids: TokenIds.optional().describe("Token ids to spell out."),
    ...chatFields,
    prepend_bos: z
      .boolean()
      .optional()
      .describe("By default what the model's own tokenizer does with a text; false with ids and messages. Never doubled."),
  })
  .superRefine((request, context) => checkPrompt(request, ["text", "ids"], context))
  .openapi("TokenizeRequest");

export const TokenizeResponse = z
  .object({
    model: z.string(),
    tokens: z.array(Token),
    text: z.string().describe("The tokens' text, joined."),
    bos: BosInfo,
    chat: ChatInfo.optional(),
  })
  .openapi("TokenizeResponse");

export type TokenizeRequest = z.infer<typeof TokenizeRequest>;
export type TokenizeResponse = z.infer<typeof TokenizeResponse>;
