import { z } from "@hono/zod-openapi";
import { Chat } from "../chat.ts";
import { MAX_EXPERIMENT_TEXTS } from "../limits.ts";
import { Prompt, TokenIds } from "../prompt.ts";

/** Texts to run an experiment on: exactly one of these. */
export const ExperimentData = z
  .strictObject({
    dataset: z.string().min(1).max(100).optional().describe("A data set's name."),
    texts: z
      .array(z.union([Prompt, Chat]))
      .min(1)
      .max(MAX_EXPERIMENT_TEXTS)
      .optional()
      .describe("The texts themselves; chats in their place are rendered by the model's chat template."),
    tokens: z
      .array(TokenIds)
      .min(1)
      .max(MAX_EXPERIMENT_TEXTS)
      .optional()
      .describe("Texts as token ids, which bypass the tokenizer."),
    rows: z
      .array(z.record(z.string(), z.unknown()))
      .min(1)
      .max(MAX_EXPERIMENT_TEXTS)
      .optional()
      .describe(
        "What lines of a data set would be: a text or messages, and for kinds that need more than texts choices, spans, labels.",
      ),
  })
  .superRefine((data, context) => {
    const given = Object.keys(data).filter((name) => data[name as keyof typeof data] !== undefined);
    if (given.length === 1) return;
    const message =
      given.length === 0
        ? "is empty: give dataset, texts, tokens or rows"
        : `give one of dataset, texts, tokens and rows, not ${given.join(" and ")}`;
    context.addIssue({ code: "custom", message });
  })
  .openapi("ExperimentData", { example: { dataset: "prose-heldout" } });

export type ExperimentData = z.infer<typeof ExperimentData>;
