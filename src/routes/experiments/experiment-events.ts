import { createRoute, z } from "@hono/zod-openapi";
import { collectEvents } from "../../runs/collect.ts";
import { ExperimentEvent, ExperimentEvents } from "../../schemas/experiments/events.ts";
import { endpoint } from "../endpoint.ts";
import { negotiate } from "../negotiate.ts";
import { placeOf } from "../place.ts";
import { problems } from "../problems.ts";
import { EVENT_FORMS, streamAnswer } from "../responses.ts";
import { ExperimentPath } from "./paths.ts";

/** `GET /v1/experiments/{id}/events` */
export const experimentEvents = endpoint(
  createRoute({
    method: "get",
    path: "/v1/experiments/{id}/events",
    operationId: "getExperimentEvents",
    tags: ["Experiments"],
    summary: "Replay and follow an experiment",
    description: `Its states, and its progress with the figure's numbers so far. The last event is done, or error. ${EVENT_FORMS}`,
    request: {
      params: ExperimentPath,
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
      200: {
        description: "The events.",
        content: {
          "text/event-stream": { schema: ExperimentEvent },
          "application/x-ndjson": { schema: ExperimentEvent },
          "application/vnd.msgpack": { schema: ExperimentEvent },
          "application/json": { schema: ExperimentEvents },
        },
      },
      204: { description: "It has ended and its last event has been seen: an EventSource stops reconnecting." },
      "2XX": {
        description: "The events as they come: what 200 is with `Accept: text/event-stream`.",
        content: { "text/event-stream": { schema: ExperimentEvent } },
      },
      ...problems("unreadable", "unauthorized", "not_found", "not_acceptable", "invalid_request", "store_unavailable"),
    },
  }),
  async (c, services) => {
    const { experiments } = services;
    const type = negotiate(c.req.header("accept"));
    const { id } = c.req.valid("param");
    c.env?.hold?.();
    const { events, finished_at } = await experiments.get(id);
    const after = placeOf(c, events, "experiment");
    if (type === "application/json") {
      const all = await collectEvents((from) => experiments.follow(id, Math.max(from, after)));
      c.header("Content-Type", "application/json");
      return c.body(`{"events":[${all.map(({ json }) => json).join()}]}`);
    }
    if (type === "text/event-stream" && after === events && finished_at) return c.body(null, 204);
    return streamAnswer(c, services, type, await experiments.follow(id, after));
  },
);
