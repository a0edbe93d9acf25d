import { createRoute } from "@hono/zod-openapi";
import { Experiment } from "../../schemas/experiments/experiment.ts";
import { endpoint } from "../endpoint.ts";
import { problems } from "../problems.ts";
import { json } from "../responses.ts";
import { ExperimentPath } from "./paths.ts";

/** `DELETE /v1/experiments/{id}` */
export const deleteExperiment = endpoint(
  createRoute({
    method: "delete",
    path: "/v1/experiments/{id}",
    operationId: "deleteExperiment",
    tags: ["Experiments"],
    summary: "Cancel or remove an experiment",
    description:
      "One that has not ended is cancelled, within a call of the engine, on whichever replica computes it; what it has stays, and it can be resumed. One that has ended is removed with all it has.",
    request: { params: ExperimentPath },
    responses: {
      200: { description: "It had not ended and is cancelled.", content: { "application/json": { schema: Experiment } } },
      204: { description: "It had ended and is removed." },
      ...problems("unauthorized", "not_found", "store_unavailable"),
    },
  }),
  async (c, { experiments }) => {
    c.env?.hold?.();
    const cancelled = await experiments.remove(c.req.valid("param").id);
    return cancelled ? json(c, cancelled) : c.body(null, 204);
  },
);
