import { createRoute, z } from "@hono/zod-openapi";
import { findModel, modelId } from "../engine/checkpoint/catalogue.ts";
import { Problem } from "../problem.ts";
import { collectEvents } from "../runs/collect.ts";
import { outcomeOf, problemOf } from "../runs/outcome.ts";
import { planOf, prepareRun } from "../runs/prepare.ts";
import type { RunHandle } from "../runs/registry.ts";
import { gather } from "../runs/representations.ts";
import { RunRequest } from "../schemas/run-request.ts";
import { RunPlan, RunSummary } from "../schemas/runs.ts";
import { jsonBody } from "./body.ts";
import { endpoint } from "./endpoint.ts";
import { negotiate, prefersAsync } from "./negotiate.ts";
import { answerProblem, problems } from "./problems.ts";
import { EVENT_CONTENT, EVENT_FORMS, EVENT_STREAM, json, serverTiming, streamAnswer } from "./responses.ts";

const LOCATION = { description: "Where the run is.", schema: { type: "string" as const } };

/** `POST /v1/runs`, for bodies up to a size. */
export const createRun = (maxBodyBytes: number) =>
  endpoint(
    createRoute({
      method: "post",
      path: "/v1/runs",
      operationId: "createRun",
      tags: ["Runs"],
      summary: "Run a prompt under an intervention",
      description: `Streams what every layer predicts as soon as it has run. ${EVENT_FORMS} Who reads this stream owns the run: when they go away it is cancelled.`,
      middleware: jsonBody(maxBodyBytes),
      request: {
        query: z.strictObject({
          dry_run: z
            .enum(["true", "false"])
            .optional()
            .openapi({ description: "true: say what would run, what it costs and the memory it takes; nothing is run." }),
        }),
        headers: z.object({
          prefer: z.string().optional().openapi({
            description:
              "`respond-async`: start the run and answer 202 with its place. It belongs to no connection, and goes on by itself after a restart of the service.",
          }),
        }),
        body: { required: true, content: { "application/json": { schema: RunRequest } } },
      },
      responses: {
        200: {
          description: "The run's events; with `dry_run`, the plan.",
          headers: { Location: LOCATION },
          content: {
            ...EVENT_CONTENT,
            "application/json": { schema: z.union([EVENT_CONTENT["application/json"].schema, RunPlan]) },
          },
        },
        202: {
          description: "With `Prefer: respond-async`: the run has been started, or waits, and will not be lost.",
          headers: { Location: LOCATION },
          content: { "application/json": { schema: RunSummary } },
        },
        ...EVENT_STREAM,
        ...problems(
          ...([
            "unreadable",
            "unauthorized",
            "model_not_found",
            "not_acceptable",
            "body_too_large",
            "unsupported_media_type",
          ] as const),
          ...(["invalid_request", "invalid_intervention", "model_invalid", "run_too_large", "queue_full", "draining"] as const),
          ...(["model_too_large", "download_refused", "download_failed", "engine_failed", "not_a_number", "cancelled"] as const),
        ),
      },
    }),
    async (c, services) => {
      const { config, models, datasets, runs, draining } = services;
      if (draining) throw new Problem("draining", "The service is shutting down and starts no new runs.");
      const detached = prefersAsync(c.req.header("prefer"));
      const dryRun = c.req.valid("query").dry_run === "true";
      const type = detached || dryRun ? "application/json" : negotiate(c.req.header("accept"));
      const arrivedAt = c.get("arrivedAt");
      const priority = detached ? "background" : "interactive";
      const request = c.req.valid("json");
      // A cold engine loads the model while the prompt is still looked at; what keeps it from loading, the run will say.
      const cold =
        !dryRun &&
        services.engine.status().state === "stopped" &&
        findModel(config.modelsDir, modelId(request.model), config.hub.cacheDir);
      if (cold) services.engine.load(modelId(request.model)).catch(() => {});
      c.env?.hold?.(); // a model may have to be downloaded, or checked, first
      const run = await prepareRun(request, { models, datasets, limits: config, priority, arrivedAt });
      const timing = { tokenize: run.tokenizeMs, prepare: performance.now() - arrivedAt };
      c.header("Server-Timing", serverTiming(timing));
      if (dryRun) return json(c, planOf(run));
      if (c.req.raw.signal.aborted) throw new Problem("cancelled", "The client went away before the run began.");
      const handle = runs.start(run, { detached: detached ? request : null });
      c.header("Location", `/v1/runs/${handle.id}`);
      if (detached) {
        const accepted = await runs.get(handle.id);
        await handle.stored(); // from here on it outlives this process
        c.header("Preference-Applied", "respond-async");
        return json(c, accepted, 202);
      }
      if (type === "application/json") return gathered(c, handle);
      return streamAnswer(c, services, type, handle.follow(0), () => handle.cancel());
    },
  );

type Context = Parameters<typeof json>[0];

/** The whole run as one object; a run that failed is a problem with its own status. */
async function gathered(c: Context, handle: RunHandle): Promise<Response> {
  c.env?.hold?.();
  const { signal } = c.req.raw;
  const cancel = () => handle.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  const events = await collectEvents((after) => handle.follow(after));
  signal.removeEventListener("abort", cancel);
  const last = events.at(-1);
  if (last && outcomeOf(last) !== "completed") {
    const { code = "internal", detail = "", errors } = problemOf(last) ?? {};
    return answerProblem(new Problem(code, detail, errors), c);
  }
  const { timing_ms } = JSON.parse(last?.json ?? "{}") as { timing_ms: Record<string, number> };
  c.header("Server-Timing", serverTiming(timing_ms));
  c.header("Content-Type", "application/json");
  return c.body(gather(events));
}
