import { z } from "@hono/zod-openapi";
import { MAX_MESSAGE_PARTS, MAX_MESSAGES, MAX_PROMPT_CHARS, MAX_TEMPLATE_ARGUMENTS } from "./limits.ts";

/** A part of a message's content. */
const ContentPart = z
  .looseObject({ type: z.string().min(1).max(64), text: z.string().max(MAX_PROMPT_CHARS).optional() })
  .openapi("ContentPart", {
    description: 'Mostly { "type": "text", "text": "…" }; whether parts are taken is the template\'s business.',
  });

/** One message of a chat. */
export const Message = z
  .looseObject({
    role: z.string().min(1).max(64).describe("Mostly system, user, assistant or tool: the template says which it takes."),
    content: z
      .union([z.string().max(MAX_PROMPT_CHARS), z.array(ContentPart).max(MAX_MESSAGE_PARTS), z.null()])
      .optional()
      .describe("A text, or parts where the template takes them."),
  })
  .openapi("Message", {
    description:
      "Other fields go to the template as they are: tool_calls, name, reasoning_content and the like. Fields that are null are left out.",
  });

export const Messages = z.array(Message).min(1).max(MAX_MESSAGES);

const AddGenerationPrompt = z
  .boolean()
  .optional()
  .describe("With messages: whether the text ends with what begins an answer of the assistant. Default true.");
const TemplateArguments = z
  .record(z.string().max(64), z.unknown())
  .refine((given) => Object.keys(given).length <= MAX_TEMPLATE_ARGUMENTS, {
    error: (issue) =>
      `an object of ${Object.keys(issue.input as object).length} arguments is more than the most allowed, ${MAX_TEMPLATE_ARGUMENTS}`,
  })
  .optional()
  .describe(
    "With messages: what the chat template takes beside, by name, such as enable_thinking or tools. `GET /v1/models/{model}` says which.",
  );

/** Fields that say a prompt as a chat. */
export const chatFields = {
  messages: Messages.optional().describe("A chat, which the model's own chat template makes a text of."),
  add_generation_prompt: AddGenerationPrompt,
  template_arguments: TemplateArguments,
};

/** A chat in place of a text. */
export const Chat = z
  .strictObject({ messages: Messages, add_generation_prompt: AddGenerationPrompt, template_arguments: TemplateArguments })
  .openapi("Chat");

export type Message = z.infer<typeof Message>;
export type Chat = z.infer<typeof Chat>;

type Context = { addIssue(issue: { code: "custom"; path: string[]; message: string }): void };

/**
 * Refuses all but one of the fields that say a prompt, and what belongs to a chat where there is none. `names`: of the
 * text's field and of the ids'.
 */
export function checkPrompt(request: object, names: readonly [text: string, ids: string], context: Context): void {
  const fields = request as Readonly<Record<string, unknown>>;
  const refuse = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
  const [first, ...others] = [...names, "messages"].filter((name) => fields[name] !== undefined);
  if (first === undefined) refuse(names[0], `is required: a ${names[0]}, or ${names[1]} or messages in its place`);
  for (const other of others) refuse(other, `give either ${first} or ${other}, not both`);
  if (fields.messages !== undefined) return;
  for (const name of ["add_generation_prompt", "template_arguments"])
    if (fields[name] !== undefined) refuse(name, "is for messages, and none are given");
}

/** The chat that a request's fields say; undefined: they say none. */
export function chatOf(fields: Partial<Chat>): Chat | undefined {
  const { messages, add_generation_prompt, template_arguments } = fields;
  return messages && { messages, add_generation_prompt, template_arguments };
}
