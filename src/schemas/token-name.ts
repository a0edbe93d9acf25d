import { z } from "@hono/zod-openapi";
import { MAX_TARGET_CHARS, MAX_TOKEN_ID } from "./limits.ts";

/** A token of the vocabulary, by its text or its id. */
export const TokenName = z
  .union([z.string().min(1).max(MAX_TARGET_CHARS), z.int().min(0).max(MAX_TOKEN_ID)])
  .openapi("TokenName", { description: "The text of exactly one token, or its id: any row of the vocabulary, padding too." });

export type TokenName = z.infer<typeof TokenName>;
