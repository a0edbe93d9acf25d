import { createRoute, z } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";
import { endpoint } from "./endpoint.ts";
import { ProblemWithStatus, problems } from "./problems.ts";
import { json } from "./responses.ts";

const Alive = z.object({ status: z.literal("ok") }).openapi("Alive");
const Ready = z.object({ status: z.literal("ready") }).openapi("Ready");

/** `GET /healthz` */
export const healthz = endpoint(
  createRoute({
    method: "get",
    path: "/healthz",
    operationId: "healthz",
    tags: ["Service"],
    summary: "Is the process alive",
    security: [],
    responses: { 200: { description: "It is.", content: { "application/json": { schema: Alive } } }, ...problems() },
  }),
  (c) => json(c, { status: "ok" }),
);

/** `GET /readyz` */
export const readyz = endpoint(
  createRoute({
    method: "get",
    path: "/readyz",
    operationId: "readyz",
    tags: ["Service"],
    summary: "Can it run models",
    description: "Goes by real inference: runs that proceed, or a smallest run of its own when there was none.",
    security: [],
    responses: {
      200: { description: "It can.", content: { "application/json": { schema: Ready } } },
      ...problems("draining", "engine_failed", "timed_out", "store_unavailable"),
    },
  }),
  async (c, { draining, canary, store }) => {
    if (draining) throw new Problem("draining", "The service is shutting down.");
    const { state, detail } = store.status();
    if (state === "lost") throw new Problem("store_unavailable", detail ?? "The database is lost.");
    const problem = await canary.check();
    if (problem) throw new ProblemWithStatus(503, problem);
    return json(c, { status: "ready" });
  },
);
