import { createRoute } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";
import { ModelInfo, ModelList } from "../schemas/models.ts";
import { endpoint } from "./endpoint.ts";
import { modelInfo } from "./model-info.ts";
import { problems } from "./problems.ts";
import { json, ModelPath } from "./responses.ts";
import type { Services } from "./services.ts";

const answer = { 200: { description: "The model.", content: { "application/json": { schema: ModelInfo } } } };

/** `GET /v1/models` */
export const listModels = endpoint(
  createRoute({
    method: "get",
    path: "/v1/models",
    operationId: "listModels",
    tags: ["Models"],
    summary: "List what can be served",
    responses: {
      200: { description: "Every checkpoint in MODELS_DIR.", content: { "application/json": { schema: ModelList } } },
      ...problems("unauthorized"),
    },
  }),
  async (c, { models, engine }) => {
    const status = engine.status();
    return json(c, { models: (await models.list()).map((model) => modelInfo(model, status)) });
  },
);

/** `GET /v1/models/{model}` */
export const getModel = endpoint(
  createRoute({
    method: "get",
    path: "/v1/models/{model}",
    operationId: "getModel",
    tags: ["Models"],
    summary: "Look at a model",
    request: { params: ModelPath },
    responses: { ...answer, ...problems("unauthorized", "model_not_found") },
  }),
  async (c, services) => json(c, await find(c.req.valid("param").model, services)),
);

/** `POST /v1/models/{model}/load` */
export const loadModel = endpoint(
  createRoute({
    method: "post",
    path: "/v1/models/{model}/load",
    operationId: "loadModel",
    tags: ["Models"],
    summary: "Load a model into memory",
    description: "Answers when it is ready. Runs load their model themselves; this only saves the first one the wait.",
    request: { params: ModelPath },
    responses: {
      ...answer,
      ...problems("unauthorized", "model_not_found", "model_invalid", "model_too_large", "engine_failed", "draining"),
    },
  }),
  async (c, services) => {
    if (services.draining) throw new Problem("draining", "The service is shutting down and loads no models.");
    const { id } = await services.models.get(c.req.valid("param").model);
    c.env?.hold?.();
    await services.engine.load(id);
    return json(c, await find(id, services));
  },
);

/** `POST /v1/models/{model}/unload` */
export const unloadModel = endpoint(
  createRoute({
    method: "post",
    path: "/v1/models/{model}/unload",
    operationId: "unloadModel",
    tags: ["Models"],
    summary: "Free a model's memory",
    request: { params: ModelPath },
    responses: { ...answer, ...problems("unauthorized", "model_not_found", "model_busy", "engine_failed") },
  }),
  async (c, services) => {
    const { id } = await find(c.req.valid("param").model, services);
    await services.engine.unload(id);
    return json(c, await find(id, services));
  },
);

async function find(name: string, { models, engine }: Services): Promise<ModelInfo> {
  const id = name.replaceAll("/", "--");
  // Opening it computes its revision; one that cannot be opened is shown with the reason.
  await models.get(id).catch((error: unknown) => {
    if (!(error instanceof Problem) || error.code === "model_not_found") throw error;
  });
  const listed = (await models.list()).find((model) => model.id === id);
  if (!listed) throw new Problem("model_not_found", `There is no model ${JSON.stringify(id)} any more.`);
  return modelInfo(listed, engine.status());
}
