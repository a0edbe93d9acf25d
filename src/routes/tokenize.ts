import { createRoute } from "@hono/zod-openapi";
import { tokenAt, tokensOf } from "../runs/tokens.ts";
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
      const { text, ids, prepend_bos } = c.req.valid("json");
      const tokens = tokensOf({ text, ids, prependBos: prepend_bos }, model, { text: "text", ids: "ids" });
      const spelled = tokens.filter((id) => id < model.tokenCount); // rows of padding have no text
      const bytes = Buffer.concat(spelled.map((id) => model.tokenizer.bytes(id)));
      return json(c, { model: model.id, tokens: tokens.map((id, i) => tokenAt(id, i, model)), text: bytes.toString("utf8") });
    },
  );
