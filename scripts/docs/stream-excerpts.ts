/** What a page shows of a stream of events. */
import { folded, timeless, upTo, without } from "./excerpt.ts";

interface Shown {
  readonly type: string;
  /** Of the last event that has this in it. */
  readonly with?: string;
  readonly shorten: (data: string) => string;
}

/** In the stream's order. */
const SHOWN: readonly Shown[] = [
  { type: "meta", shorten: (data) => upTo(timeless(data, "run_id"), "id") },
  { type: "layer", with: '"variant":"intervened"', shorten: (data) => upTo(data, "mlp_out") },
  { type: "result", shorten: (data) => without(data, "seq", "comparison") },
  { type: "done", shorten: (data) => upTo(timeless(data, "run_id", "queue", "tokenize"), "tokenize") },
];

/** `id`, `event` and `data` of a few events of a stream of server-sent events. Throws where one is missing. */
export function excerptsOf(stream: string): string {
  const events = stream
    .split(/\r?\n\r?\n/)
    .map((block) => Object.fromEntries(block.split(/\r?\n/).map((line) => [line.split(":", 1)[0], line.replace(/^\w+: ?/, "")])));
  return SHOWN.map(({ type, shorten, with: part = "" }) => {
    const event = events.findLast((each) => each.event === type && each.data?.includes(part));
    if (!event?.data) throw new Error(`the stream has no event of the type ${type}${part === "" ? "" : ` with ${part}`}`);
    return `id: ${event.id}\nevent: ${type}\n${folded(`data: ${shorten(event.data)}`)}`;
  }).join("\n\n");
}
