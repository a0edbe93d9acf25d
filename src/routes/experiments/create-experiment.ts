import { createRoute, z } from "@hono/zod-openapi";
import { Problem } from "../../problem.ts";
import { Experiment } from "../../schemas/experiments/experiment.ts";
import { ExperimentRequest } from "../../schemas/experiments/request.ts";
import { MAX_KEY_CHARS } from "../../schemas/limits.ts";
import { jsonBody } from "../body.ts";
import { endpoint } from "../endpoint.ts";
import { problems } from "../problems.ts";
import { json } from "../responses.ts";
import { EXPERIMENT_LOCATION } from "./paths.ts";

const content = { "application/json": { schema: Experiment } };

/** `POST /v1/experiments`, for bodies up to a size. */
export const createExperiment = (maxBodyBytes: number) =>
  endpoint(
    createRoute({
      method: "post",
      path: "/v1/experiments",
      operationId: "createExperiment",
      tags: ["Experiments"],
      summary: "Start an experiment",
      description:
        "One figure or table of the paper, on one model and many texts. It is checked whole, then queued, and goes on by itself: " +
        "over restarts, and on whichever replica has time.",
      middleware: jsonBody(maxBodyBytes),
      request: {
        headers: z.object({
          "idempotency-key": z.string().min(1).max(MAX_KEY_CHARS).optional().openapi({
            description: "The same key gives the same experiment, however often it is sent; another body is refused.",
          }),
        }),
        body: { required: true, content: { "application/json": { schema: ExperimentRequest } } },
      },
      responses: {
        200: { description: "The idempotency key had started it before.", headers: { Location: EXPERIMENT_LOCATION }, content },
        201: { description: "It is queued.", headers: { Location: EXPERIMENT_LOCATION }, content },
        ...problems(
          ...(["unreadable", "unauthorized", "model_not_found", "body_too_large", "unsupported_media_type"] as const),
          ...(["invalid_request", "invalid_intervention", "model_invalid", "run_too_large", "draining"] as const),
          ...(["download_refused", "download_failed", "conflict", "store_unavailable"] as const),
        ),
      },
    }),
    async (c, { experiments, draining }) => {
      if (draining) throw new Problem("draining", "The service is shutting down and starts no new experiments.");
      c.env?.hold?.(); // many texts are tokenized first, and the database may have to be opened
      const key = c.req.valid("header")["idempotency-key"] ?? null;
      const { experiment, created } = await experiments.start(c.req.valid("json"), key);
      c.header("Location", `/v1/experiments/${experiment.id}`);
      return json(c, experiment, created ? 201 : 200);
    },
  );
