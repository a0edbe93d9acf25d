import { createRoute } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";
import { ModelEvent, ModelInfo, ModelList } from "../schemas/models.ts";
import { endpoint } from "./endpoint.ts";
import { followModel } from "./follow-model.ts";
import { modelInfo } from "./model-info.ts";
import { problems } from "./problems.ts";
import { json, ModelPath, streamAnswer } from "./responses.ts";
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
      200: {
        description: "Every checkpoint in MODELS_DIR and in the hub's cache.",
        content: { "application/json": { schema: ModelList } },
      },
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
    description:
      "`Accept: text/event-stream` follows a download: `download` events with the bytes of every file, then one `model` event. " +
      "A model that is not being downloaded is that one event.",
    responses: {
      200: {
        description: "The model.",
        content: { "application/json": { schema: ModelInfo }, "text/event-stream": { schema: ModelEvent } },
      },
      ...problems("unauthorized", "model_not_found"),
    },
  }),
  async (c, services) => {
    const { model } = c.req.valid("param");
    c.env?.hold?.();
    const info = await find(model, services);
    if (!wantsEvents(c.req.header("accept"))) return json(c, info);
    return streamAnswer(c, services, "text/event-stream", followModel(model, services));
  },
);

/** `POST /v1/models/{model}/load` */
export const loadModel = endpoint(
  createRoute({
    method: "post",
    path: "/v1/models/{model}/load",
    operationId: "loadModel",
    tags: ["Models"],
    summary: "Load a model into memory",
    description:
      "Answers when it is ready, downloaded first where that is allowed. Runs load their model themselves; this only saves the first one the wait.",
    request: { params: ModelPath },
    responses: {
      ...answer,
      ...problems(
        ...(["unauthorized", "model_not_found", "model_invalid", "model_too_large", "engine_failed", "draining"] as const),
        ...(["download_refused", "download_failed", "queue_full"] as const),
      ),
    },
  }),
  async (c, services) => {
    if (services.draining) throw new Problem("draining", "The service is shutting down and loads no models.");
    c.env?.hold?.();
    const { id } = await services.models.get(c.req.valid("param").model);
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
  return modelInfo(await models.look(name), engine.status());
}

/** Whether events are asked for by name; everything else gets the model as JSON. */
function wantsEvents(accept = ""): boolean {
  return accept.split(",").some((range) => /^\s*text\/event-stream\s*(;|$)/i.test(range));
}
