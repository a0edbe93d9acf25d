import { createRoute, z } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";
import { collectEvents } from "../runs/collect.ts";
import { gather } from "../runs/representations.ts";
import { isTerminal } from "../runs/wire-event.ts";
import { endpoint } from "./endpoint.ts";
import { negotiate } from "./negotiate.ts";
import { placeOf } from "./place.ts";
import { problems } from "./problems.ts";
import { EVENT_CONTENT, EVENT_FORMS, EVENT_STREAM, RunPath, streamAnswer } from "./responses.ts";

/** `GET /v1/runs/{id}/events` */
export const runEvents = endpoint(
  createRoute({
    method: "get",
    path: "/v1/runs/{id}/events",
    operationId: "getRunEvents",
    tags: ["Runs"],
    summary: "Replay and follow a run",
    description: `All events from the first, or after the one named, and those to come while the run is in flight. ${EVENT_FORMS}`,
    request: {
      params: RunPath,
      query: z.strictObject({
        after: z
          .string()
          .optional()
          .openapi({ description: "The seq of the last event seen. `Last-Event-ID` goes before it.", examples: ["12"] }),
      }),
      headers: z.object({
        "last-event-id": z
          .string()
          .optional()
          .openapi({ description: "The id of the last event seen, as EventSource sends it.", examples: ["12"] }),
      }),
    },
    responses: {
      200: { description: "The events.", content: EVENT_CONTENT },
      204: { description: "The run is over and its last event has been seen: an EventSource stops reconnecting." },
      ...EVENT_STREAM,
      ...problems(
        "unreadable",
        "unauthorized",
        "not_found",
        "not_acceptable",
        "invalid_request",
        "draining",
        "store_unavailable",
      ),
    },
  }),
  async (c, services) => {
    const { runs } = services;
    const type = negotiate(c.req.header("accept"));
    const { id } = c.req.valid("param");
    const summary = await runs.get(id);
    const after = placeOf(c, summary.events, "run");
    if (type === "application/json") {
      if (after > 0)
        throw new Problem("invalid_request", `after is ${after}; application/json is the whole run, so it can only be 0.`);
      c.env?.hold?.();
      c.header("Content-Type", "application/json");
      const events = await collectEvents((from) => runs.follow(id, from));
      const last = events.at(-1);
      if (!last || !isTerminal(last))
        throw new Problem("draining", `The run goes on in another process, after event ${last?.seq ?? 0}; ask again.`);
      return c.body(gather(events));
    }
    if (type === "text/event-stream" && after === summary.events && summary.finished_at) return c.body(null, 204);
    return streamAnswer(c, services, type, await runs.follow(id, after));
  },
);
