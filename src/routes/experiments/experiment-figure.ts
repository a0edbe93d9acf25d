import { createRoute, z } from "@hono/zod-openapi";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { problems } from "../problems.ts";
import { ExperimentPath } from "./paths.ts";

const description =
  "Drawn from the result: axes with units, legend, error bands. `activations` has none, and an experiment has one when it is completed.";

/** `GET /v1/experiments/{id}/figure.svg` */
export const experimentSvg: Endpoint = endpoint(
  createRoute({
    method: "get",
    path: "/v1/experiments/{id}/figure.svg",
    operationId: "getExperimentFigureSvg",
    tags: ["Experiments"],
    summary: "The figure, as SVG",
    description,
    request: { params: ExperimentPath },
    responses: {
      200: { description: "The figure.", content: { "image/svg+xml": { schema: z.string() } } },
      ...problems("unauthorized", "not_found", "conflict", "store_unavailable"),
    },
  }),
  async (c, { experiments }) => {
    c.env?.hold?.();
    const result = await experiments.result(c.req.valid("param").id);
    const { figureSvg } = await import("../../experiments/figures/draw.ts");
    c.header("Content-Type", "image/svg+xml");
    return c.body(await figureSvg(result));
  },
);

/** `GET /v1/experiments/{id}/figure.png` */
export const experimentPng: Endpoint = endpoint(
  createRoute({
    method: "get",
    path: "/v1/experiments/{id}/figure.png",
    operationId: "getExperimentFigurePng",
    tags: ["Experiments"],
    summary: "The figure, as PNG",
    description,
    request: {
      params: ExperimentPath,
      query: z.strictObject({
        scale: z.coerce.number().min(0.5).max(4).default(2).openapi({ description: "Pixels for each of the SVG's." }),
      }),
    },
    responses: {
      200: { description: "The figure.", content: { "image/png": { schema: z.string().openapi({ format: "binary" }) } } },
      ...problems("unauthorized", "not_found", "conflict", "invalid_request", "store_unavailable"),
    },
  }),
  async (c, { experiments }) => {
    c.env?.hold?.();
    const result = await experiments.result(c.req.valid("param").id);
    const { figurePng } = await import("../../experiments/figures/draw.ts");
    c.header("Content-Type", "image/png");
    return c.body(await figurePng(result, c.req.valid("query").scale));
  },
);
