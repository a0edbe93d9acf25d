/** A table as CSV (RFC 4180): what spreadsheets, R and every data-frame library open. */
import type { Cell, Table } from "../result.ts";

/** What must stand in quotes. */
const SPECIAL = /[",\r\n]/;

/**
 * A header and a line for every row, each ended by CRLF. Numbers have the fewest digits that give the same double again; null
 * and what is not finite are empty, an empty string is `""`, booleans are `true` and `false`.
 */
export function csvOf({ columns, rows }: Table): string {
  const names = columns.map(({ name }) => name);
  const lines = [names.map(text), ...rows.map((row) => names.map((name) => field(row[name] ?? null)))];
  return lines.map((line) => `${line.join(",")}\r\n`).join("");
}

function field(value: Cell): string {
  if (value === null) return "";
  if (typeof value === "string") return text(value);
  if (typeof value === "boolean") return String(value);
  if (!Number.isFinite(value)) return "";
  return Object.is(value, -0) ? "-0" : String(value);
}

function text(value: string): string {
  return value === "" || SPECIAL.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
