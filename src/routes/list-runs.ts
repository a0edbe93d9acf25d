import { createRoute } from "@hono/zod-openapi";
import { RunList, RunListQuery } from "../schemas/runs.ts";
import { endpoint } from "./endpoint.ts";
import { problems } from "./problems.ts";
import { json } from "./responses.ts";

/** `GET /v1/runs` */
export const listRuns = endpoint(
  createRoute({
    method: "get",
    path: "/v1/runs",
    operationId: "listRuns",
    tags: ["Runs"],
    summary: "List runs, the newest first",
    request: { query: RunListQuery },
    responses: {
      200: { description: "One page.", content: { "application/json": { schema: RunList } } },
      ...problems("unauthorized", "invalid_request", "store_unavailable"),
    },
  }),
  async (c, { runs }) => json(c, await runs.list(c.req.valid("query"))),
);
