import { createRoute, z } from "@hono/zod-openapi";
import { endpoint } from "./endpoint.ts";
import { problems } from "./problems.ts";

/** `GET /metrics` */
export const metrics = endpoint(
  createRoute({
    method: "get",
    path: "/metrics",
    operationId: "metrics",
    tags: ["Service"],
    summary: "Numbers for Prometheus",
    responses: {
      200: { description: "The text exposition format.", content: { "text/plain": { schema: z.string() } } },
      ...problems("unauthorized"),
    },
  }),
  async (c, { telemetry }) => {
    const { text, contentType } = await telemetry.render();
    c.header("Content-Type", contentType);
    return c.body(text);
  },
);
