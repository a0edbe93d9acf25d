import { z } from "@hono/zod-openapi";
import { chatFields, checkPrompt } from "./chat.ts";
import { Prompt, TokenIds } from "./prompt.ts";

/** Another prompt, whose untouched run gives the values that `patch` puts in. */
export const PatchSource = z
  .strictObject({
    prompt: Prompt.optional().describe("Either this, tokens or messages."),
    tokens: TokenIds.optional(),
    ...chatFields,
  })
  .superRefine((source, context) => checkPrompt(source, ["prompt", "tokens"], context))
  .openapi("PatchSource", {
    description:
      "Another prompt. BOS is put first as the run's prepend_bos says; by default as the model's tokenizer does it with a prompt, and not with tokens and messages.",
  });

export type PatchSource = z.infer<typeof PatchSource>;
