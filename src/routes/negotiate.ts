/** Which form a client wants: `Accept`, with its weights, and `Prefer`. */
import { Problem } from "../problem.ts";
import { MEDIA_TYPES, type MediaType } from "../runs/representations.ts";

interface Range {
  readonly type: string;
  readonly quality: number;
}

/** The form of a run's events. Anything at all means server-sent events. Throws `not_acceptable`. */
export function negotiate(accept: string | undefined): MediaType {
  const ranges = (accept?.trim() || "*/*").split(",").map(parseRange);
  // What is named goes before what is only covered, and the order of MEDIA_TYPES decides between equals.
  const [best] = MEDIA_TYPES.map((type) => ({ type, ...weigh(type, ranges) }))
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality || b.specificity - a.specificity);
  if (best) return best.type;
  throw new Problem(
    "not_acceptable",
    `Nothing in Accept: ${accept?.slice(0, 200)} can be had; there are ${MEDIA_TYPES.join(", ")}.`,
  );
}

/** Whether `Prefer: respond-async` was sent. */
export function prefersAsync(prefer: string | undefined): boolean {
  return (prefer ?? "").split(/[,;]/).some((token) => token.trim().toLowerCase() === "respond-async");
}

function parseRange(text: string): Range {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  return { type: ALIASES[type] ?? type, quality: quality === undefined ? 1 : Number(quality) || 0 };
}

/** Older names of the same forms. */
const ALIASES: Readonly<Record<string, MediaType>> = {
  "application/ndjson": "application/x-ndjson",
  "application/jsonl": "application/x-ndjson",
  "application/msgpack": "application/vnd.msgpack",
  "application/x-msgpack": "application/vnd.msgpack",
};

/** The weight of the most specific range that covers the type, and how specific that is. */
function weigh(type: MediaType, ranges: readonly Range[]): { quality: number; specificity: number } {
  const names = [type, `${type.slice(0, type.indexOf("/"))}/*`, "*/*"];
  for (const [i, name] of names.entries()) {
    const range = ranges.find((each) => each.type === name);
    if (range) return { quality: range.quality, specificity: names.length - i };
  }
  return { quality: 0, specificity: 0 };
}
