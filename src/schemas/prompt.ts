import { z } from "@hono/zod-openapi";
import { MAX_PROMPT_CHARS, MAX_TOKEN_ID, MAX_TOKENS } from "./limits.ts";

/** A text to run. */
export const Prompt = z.string().max(MAX_PROMPT_CHARS);
/** Token ids, which bypass the tokenizer. */
export const TokenIds = z.array(z.int().min(0).max(MAX_TOKEN_ID)).min(1).max(MAX_TOKENS);
