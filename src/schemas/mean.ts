import { z } from "@hono/zod-openapi";
import { MAX_MEAN_TEXTS, MAX_TOKENS } from "./limits.ts";
import { Prompt } from "./prompt.ts";

/** Texts of a data set that are used when nothing else is said, and tokens of each. */
export const MEAN_DEFAULTS = { texts: 32, tokens: 128 } as const;

/** Over what a component's mean is taken: texts of a data set, or given ones. */
export const Mean = z
  .strictObject({
    dataset: z.string().min(1).max(100).optional().describe("A data set's name. Either this, or a list of texts."),
    texts: z
      .union([z.int().min(1).max(MAX_MEAN_TEXTS), z.array(Prompt).min(1).max(MAX_MEAN_TEXTS)])
      .optional()
      .describe(`With dataset, how many of its first texts (${MEAN_DEFAULTS.texts}); without, the texts themselves.`),
    tokens_per_text: z
      .int()
      .min(2)
      .max(MAX_TOKENS)
      .optional()
      .describe(
        `Each text is cut to so many tokens, BOS included; shorter ones are refused. By default ${MEAN_DEFAULTS.tokens} with dataset, and whole texts without.`,
      ),
  })
  .superRefine(({ dataset, texts }, context) => {
    const refuse = (message: string) => context.addIssue({ code: "custom", path: ["texts"], message });
    if (dataset === undefined && texts === undefined) refuse("is required: a list of texts, or dataset in its place");
    else if (dataset === undefined && typeof texts === "number")
      refuse(`${texts} is how many texts of a dataset, which is missing: give dataset, or a list of texts`);
    else if (dataset !== undefined && typeof texts === "object")
      refuse("give either dataset or a list of texts, not both; with dataset, texts is how many of its first");
  })
  .openapi("Mean", {
    description:
      "The mean of the component's values in the untouched model, over positions 1 and up of these texts. Computed once and kept.",
  });

export type Mean = z.infer<typeof Mean>;
