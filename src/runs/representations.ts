/** The forms in which events leave: server-sent events, JSON lines, and a sequence of msgpack maps. */
import type { WireEvent } from "./wire-event.ts";

export const MEDIA_TYPES = ["text/event-stream", "application/x-ndjson", "application/vnd.msgpack", "application/json"] as const;
export type MediaType = (typeof MEDIA_TYPES)[number];
export type StreamType = Exclude<MediaType, "application/json">;

export interface Representation {
  readonly contentType: string;
  encode(events: readonly WireEvent[]): Uint8Array<ArrayBuffer>;
  /** A remark that clients skip; null: this form has none. */
  comment(text: string): Uint8Array<ArrayBuffer> | null;
}

const utf8 = new TextEncoder();

const sse: Representation = {
  contentType: "text/event-stream; charset=utf-8",
  encode: (events) => utf8.encode(events.map(({ seq, type, json }) => `id: ${seq}\nevent: ${type}\ndata: ${json}\n\n`).join("")),
  comment: (text) => utf8.encode(`: ${text}\n\n`),
};

const ndjson: Representation = {
  contentType: "application/x-ndjson",
  encode: (events) => utf8.encode(events.map(({ json }) => `${json}\n`).join("")),
  comment: () => null,
};

/** Loads what a form needs. */
export async function representation(type: StreamType): Promise<Representation> {
  if (type === "text/event-stream") return sse;
  if (type === "application/x-ndjson") return ndjson;
  const { packEvents } = await import("./msgpack.ts");
  return { contentType: "application/vnd.msgpack", encode: packEvents, comment: () => null };
}

/** The messages of a whole run as one JSON text, `RunDocument`. */
export function gather(events: readonly WireEvent[]): string {
  const layers: string[] = [];
  let fields = "";
  for (const { type, json } of events) {
    if (type === "layer") layers.push(json);
    else fields += `,"${type}":${json}`;
  }
  return `{"layers":[${layers.join()}]${fields}}`;
}
