import { createRoute } from "@hono/zod-openapi";
import { Experiment } from "../../schemas/experiments/experiment.ts";
import { endpoint } from "../endpoint.ts";
import { problems } from "../problems.ts";
import { json } from "../responses.ts";
import { ExperimentPath } from "./paths.ts";

/** `GET /v1/experiments/{id}` */
export const getExperiment = endpoint(
  createRoute({
    method: "get",
    path: "/v1/experiments/{id}",
    operationId: "getExperiment",
    tags: ["Experiments"],
    summary: "Look at an experiment",
    request: { params: ExperimentPath },
    responses: {
      200: { description: "The experiment.", content: { "application/json": { schema: Experiment } } },
      ...problems("unauthorized", "not_found", "store_unavailable"),
    },
  }),
  async (c, { experiments }) => {
    c.env?.hold?.();
    return json(c, await experiments.get(c.req.valid("param").id));
  },
);
