/** Parts of contracts and answers that several routes share. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Follower } from "../runs/active-run.ts";
import { representation, type StreamType } from "../runs/representations.ts";
import { eventStream } from "../runs/stream.ts";
import { RunEvent } from "../schemas/events.ts";
import { RunDocument } from "../schemas/runs.ts";
import type { Env } from "./endpoint.ts";
import type { Services } from "./services.ts";

/** The id of a run in a path. */
export const RunPath = z.object({
  id: z
    .string()
    .openapi({ param: { name: "id", in: "path", description: "The run's id." }, examples: ["01k2x3y4z5a6b7c8d9e0f1g2h3"] }),
});

/** The id of a model in a path. */
export const ModelPath = z.object({
  model: z.string().openapi({
    param: { name: "model", in: "path", description: "The model's id; a hub name is spelled `org--name`." },
    examples: ["prose-6m"],
  }),
});

/** A run's events in all forms, for a contract. */
export const EVENT_CONTENT = {
  "text/event-stream": { schema: RunEvent },
  "application/x-ndjson": { schema: RunEvent },
  "application/vnd.msgpack": { schema: RunEvent },
  "application/json": { schema: RunDocument },
} as const;

/** The natural form once more, by itself: generators of clients that prefer JSON wherever it is offered find the stream here. */
export const EVENT_STREAM = {
  "2XX": {
    description: "The run's events as they come: what 200 is with `Accept: text/event-stream`.",
    content: { "text/event-stream": { schema: RunEvent } },
  },
} as const;

export const EVENT_FORMS =
  "The form goes by `Accept`. `text/event-stream` (also for `*/*`): `id` is the event's seq, `event` its type, `data` its JSON. " +
  "`application/x-ndjson`: one JSON text a line. `application/vnd.msgpack`: a sequence of maps, whose lists of numbers are typed arrays " +
  "(extension type 0x74: one byte, 5 for int32, 7 for float32 or 8 for float64, then the values, little-endian; NaN stands for null). " +
  "`application/json`: the same messages in one object.";

/** A JSON answer. */
export function json(c: Context<Env>, body: unknown, status: ContentfulStatusCode = 200): Response {
  c.header("Content-Type", "application/json");
  return c.body(JSON.stringify(body), status);
}

/** A follower's events as the body of an answer. */
export async function streamAnswer(
  c: Context<Env>,
  { config, log }: Services,
  type: StreamType,
  follower: Follower,
  gone?: () => void,
): Promise<Response> {
  const form = await representation(type);
  c.env?.hold?.();
  c.header("Content-Type", form.contentType);
  c.header("Cache-Control", "no-store");
  c.header("X-Accel-Buffering", "no"); // nginx would hold events back
  const failed = (error: unknown) => log.error("a stream failed", { request_id: c.get("requestId"), error: String(error) });
  return c.body(eventStream(follower, form, { heartbeatMs: config.heartbeatSeconds * 1000, gone, failed }));
}

/** `Server-Timing` of durations in milliseconds. */
export function serverTiming(durations: Readonly<Record<string, number>>): string {
  return Object.entries(durations)
    .map(([name, ms]) => `${name};dur=${ms.toFixed(3)}`)
    .join(", ");
}
