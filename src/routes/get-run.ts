import { createRoute } from "@hono/zod-openapi";
import { RunSummary } from "../schemas/runs.ts";
import { endpoint } from "./endpoint.ts";
import { problems } from "./problems.ts";
import { json, RunPath } from "./responses.ts";

/** `GET /v1/runs/{id}` */
export const getRun = endpoint(
  createRoute({
    method: "get",
    path: "/v1/runs/{id}",
    operationId: "getRun",
    tags: ["Runs"],
    summary: "Look at a run",
    request: { params: RunPath },
    responses: {
      200: { description: "Its state.", content: { "application/json": { schema: RunSummary } } },
      ...problems("unauthorized", "not_found", "store_unavailable"),
    },
  }),
  async (c, { runs }) => json(c, await runs.get(c.req.valid("param").id)),
);
