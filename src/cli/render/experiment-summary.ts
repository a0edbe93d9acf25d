/** The headline numbers of an experiment, a line each. */
import { significant } from "./numbers.ts";
import { cut, left } from "./text.ts";
import type { View } from "./view.ts";

/** Lines that are shown of one summary, and items of one list. */
const MOST_LINES = 24;
const MOST_ITEMS = 8;

export function summaryLines(summary: Readonly<Record<string, unknown>>, view: View): string[] {
  const { dim } = view.colours;
  const fields = Object.entries(summary).flatMap(([name, value]) => flat(name, value));
  const width = Math.min(36, Math.max(0, ...fields.map(([name]) => name.length)));
  const room = view.width - width - 3;
  const lines = fields.slice(0, MOST_LINES).map(([name, value]) => ` ${dim(left(name, width))} ${cut(value, room)}`);
  return fields.length > MOST_LINES ? [...lines, ` ${dim(`${fields.length - MOST_LINES} more in --json`)}`] : lines;
}

/** Objects are opened one level; what lies deeper is told in short. */
function flat(name: string, value: unknown): [string, string][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [[name, short(value)]];
  return Object.entries(value).map(([inner, each]) => [`${name}.${inner}`, short(each)]);
}

function short(value: unknown): string {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : significant(value);
  if (Array.isArray(value)) {
    const shown = value.slice(0, MOST_ITEMS).map(short).join(", ");
    return value.length > MOST_ITEMS ? `${shown}, … (${value.length})` : shown;
  }
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .map(([name, each]) => `${name} ${short(each)}`)
      .join(" ");
  return value === null ? "–" : String(value);
}
