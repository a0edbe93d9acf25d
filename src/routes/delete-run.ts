import { createRoute } from "@hono/zod-openapi";
import { RunSummary } from "../schemas/runs.ts";
import { endpoint } from "./endpoint.ts";
import { problems } from "./problems.ts";
import { json, RunPath } from "./responses.ts";

/** `DELETE /v1/runs/{id}` */
export const deleteRun = endpoint(
  createRoute({
    method: "delete",
    path: "/v1/runs/{id}",
    operationId: "deleteRun",
    tags: ["Runs"],
    summary: "Cancel or purge a run",
    description:
      "A run in flight is cancelled, on whichever replica it is, and its log kept; the log of one that is over is removed.",
    request: { params: RunPath },
    responses: {
      200: { description: "It was in flight and is cancelled.", content: { "application/json": { schema: RunSummary } } },
      204: { description: "It was over and is purged." },
      ...problems("unauthorized", "not_found", "conflict", "store_unavailable"),
    },
  }),
  async (c, { runs }) => {
    c.env?.hold?.(); // it ends between two calls of the engine, wherever that is
    const cancelled = await runs.remove(c.req.valid("param").id);
    return cancelled ? json(c, cancelled) : c.body(null, 204);
  },
);
