import { z } from "@hono/zod-openapi";
import { Token } from "./events.ts";
import { Prompt, TokenIds } from "./prompt.ts";

/** The body of `POST /v1/models/{model}/tokenize`. */
export const TokenizeRequest = z
  .strictObject({
    text: Prompt.optional().describe("A text to cut into tokens. Either this or ids."),
    ids: TokenIds.optional().describe("Token ids to spell out. Either this or text."),
    prepend_bos: z.boolean().optional().describe("Default true with a text, false with ids; never doubled."),
  })
  .superRefine((request, context) => {
    if (request.text !== undefined && request.ids !== undefined) {
      context.addIssue({ code: "custom", path: ["ids"], message: "give either text or ids, not both" });
    }
    if (request.text === undefined && request.ids === undefined) {
      context.addIssue({ code: "custom", path: ["text"], message: "is required: a text, or ids in its place" });
    }
  })
  .openapi("TokenizeRequest");

export const TokenizeResponse = z
  .object({ model: z.string(), tokens: z.array(Token), text: z.string().describe("The tokens' text, joined.") })
  .openapi("TokenizeResponse");

export type TokenizeRequest = z.infer<typeof TokenizeRequest>;
export type TokenizeResponse = z.infer<typeof TokenizeResponse>;
