import { createRoute } from "@hono/zod-openapi";
import { readPrompt } from "../runs/prompt.ts";
import { tokenAt } from "../runs/tokens.ts";
import { chatOf } from "../schemas/chat.ts";
import { TokenizeRequest, TokenizeResponse } from "../schemas/tokenize.ts";
import { jsonBody } from "./body.ts";
import { endpoint } from "./endpoint.ts";
import { problems } from "./problems.ts";
import { json, ModelPath } from "./responses.ts";

/** `POST /v1/models/{model}/tokenize`, for bodies up to a size. */
export const tokenize = (maxBodyBytes: number) =>
  endpoint(
    createRoute({
      method: "post",
      path: "/v1/models/{model}/tokenize",
      operationId: "tokenize",
      tags: ["Models"],
      summary: "Text to tokens and back",
      middleware: jsonBody(maxBodyBytes),
      request: { params: ModelPath, body: { required: true, content: { "application/json": { schema: TokenizeRequest } } } },
      responses: {
        200: {
          description: "The tokens, with bytes where one is not valid UTF-8.",
          content: { "application/json": { schema: TokenizeResponse } },
        },
        ...problems(
          "unreadable",
          "unauthorized",
          "model_not_found",
          "model_invalid",
          "download_refused",
          "download_failed",
          "queue_full",
          "body_too_large",
          "unsupported_media_type",
          "invalid_request",
        ),
      },
    }),
    async (c, { models }) => {
      c.env?.hold?.();
      const model = await models.get(c.req.valid("param").model);
      const { text, ids, prepend_bos: prependBos, ...rest } = c.req.valid("json");
      const prompt = readPrompt({ text, ids, chat: chatOf(rest), prependBos }, model, { text: "text", ids: "ids" });
      const { tokens, bos, chat } = prompt;
      const spelled = tokens.filter((id) => id < model.tokenCount); // rows of padding have no text
      const bytes = Buffer.concat(spelled.map((id) => model.tokenizer.bytes(id)));
      const shown = tokens.map((id, i) => tokenAt(id, i, model));
      return json(c, { model: model.id, tokens: shown, text: bytes.toString("utf8"), bos, ...(chat ? { chat } : {}) });
    },
  );
