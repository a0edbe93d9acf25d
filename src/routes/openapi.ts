/** The contract as a document: made from the routes, when it is first asked for. */
import { createRoute, z } from "@hono/zod-openapi";
import manifest from "../../package.json" with { type: "json" };
import type { App, Endpoint } from "./endpoint.ts";
import { problems } from "./problems.ts";

/** OpenAPI 3.1. */
export function openApiDocument(app: App): object {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "One of API_KEYS. A service without keys is open.",
  });
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Stratascope",
      version: manifest.version,
      description: manifest.description,
      license: { name: "MIT", url: "https://opensource.org/license/mit" },
    },
    servers: [{ url: "/", description: "The service that this document came from." }],
    security: [{ bearer: [] }, {}],
    tags: [
      { name: "Runs", description: "Prompts under interventions, and what every layer predicts." },
      { name: "Experiments", description: "Figures and tables of the paper, over many texts, as jobs that go on by themselves." },
      { name: "Models", description: "What can be served." },
      { name: "Service", description: "Health, numbers and documentation." },
    ],
  });
}

const route = createRoute({
  method: "get",
  path: "/openapi.json",
  operationId: "openapi",
  tags: ["Service"],
  summary: "This document",
  security: [],
  responses: {
    200: { description: "OpenAPI 3.1.", content: { "application/json": { schema: z.looseObject({}) } } },
    ...problems(),
  },
});

/** `GET /openapi.json` */
export const openapi: Endpoint = (app) => {
  let text: string | null = null;
  app.openapi(route, (c) => {
    text ??= JSON.stringify(openApiDocument(app));
    c.header("Content-Type", "application/json");
    return c.body(text) as never;
  });
};
