import { createRoute } from "@hono/zod-openapi";
import { ExperimentList, ExperimentListQuery } from "../../schemas/experiments/experiment.ts";
import { endpoint } from "../endpoint.ts";
import { problems } from "../problems.ts";
import { json } from "../responses.ts";

/** `GET /v1/experiments` */
export const listExperiments = endpoint(
  createRoute({
    method: "get",
    path: "/v1/experiments",
    operationId: "listExperiments",
    tags: ["Experiments"],
    summary: "List experiments, the newest first",
    request: { query: ExperimentListQuery },
    responses: {
      200: { description: "One page.", content: { "application/json": { schema: ExperimentList } } },
      ...problems("unauthorized", "invalid_request", "store_unavailable"),
    },
  }),
  async (c, { experiments }) => {
    c.env?.hold?.();
    return json(c, await experiments.list(c.req.valid("query")));
  },
);
