import { createRoute } from "@hono/zod-openapi";
import { Experiment } from "../../schemas/experiments/experiment.ts";
import { endpoint } from "../endpoint.ts";
import { problems } from "../problems.ts";
import { json } from "../responses.ts";
import { ExperimentPath } from "./paths.ts";

/** `POST /v1/experiments/{id}/resume` */
export const resumeExperiment = endpoint(
  createRoute({
    method: "post",
    path: "/v1/experiments/{id}/resume",
    operationId: "resumeExperiment",
    tags: ["Experiments"],
    summary: "Go on with an experiment that failed or was cancelled",
    description:
      "What was computed is kept; only the rest is computed. (After a crash or a restart, experiments go on by themselves.)",
    request: { params: ExperimentPath },
    responses: {
      200: { description: "It is queued again.", content: { "application/json": { schema: Experiment } } },
      ...problems("unauthorized", "not_found", "conflict", "store_unavailable"),
    },
  }),
  async (c, { experiments }) => {
    c.env?.hold?.();
    return json(c, await experiments.resume(c.req.valid("param").id));
  },
);
