/** Tokens, as events and answers show them. */
import { z } from "@hono/zod-openapi";

/** NaN and infinities are null on the wire. */
export const measured = z.number().nullable();

const padding = z
  .literal(true)
  .optional()
  .describe("The id is a row of the vocabulary beyond the tokenizer's last: the model has it, and it has no text.");

export const Token = z
  .object({
    position: z.int(),
    id: z.int(),
    text: z.string(),
    padding,
    bytes: z.string().optional().describe("Base64, where the token is not valid UTF-8 by itself."),
  })
  .openapi("Token");

export const TopToken = z.object({ id: z.int(), text: z.string(), logprob: measured }).openapi("TopToken");

const rank = z.int().describe("1 is the top; rows of padding count.");

export const TargetToken = z.object({ id: z.int(), text: z.string(), padding, logprob: measured, rank }).openapi("TargetToken");

export const FollowedToken = z
  .object({ id: z.int(), text: z.string(), padding, logit: measured, logprob: measured, rank })
  .openapi("FollowedToken");

export type Token = z.infer<typeof Token>;
