import { z } from "@hono/zod-openapi";
import { Prompt, TokenIds } from "./prompt.ts";

/** Another prompt, whose untouched run gives the values that `patch` puts in. */
export const PatchSource = z
  .strictObject({
    prompt: Prompt.optional().describe("Either this or tokens."),
    tokens: TokenIds.optional().describe("Either this or prompt."),
  })
  .superRefine(({ prompt, tokens }, context) => {
    if (prompt !== undefined && tokens !== undefined)
      context.addIssue({ code: "custom", path: ["tokens"], message: "give either prompt or tokens, not both" });
    if (prompt === undefined && tokens === undefined)
      context.addIssue({ code: "custom", path: ["prompt"], message: "is required: a prompt, or tokens in its place" });
  })
  .openapi("PatchSource", {
    description: "Another prompt. BOS is put first as the run's prepend_bos says, by default with a prompt and not with tokens.",
  });

export type PatchSource = z.infer<typeof PatchSource>;
