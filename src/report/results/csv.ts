/** A table read back from the CSV that experiments write: the same cells, to the bit. */
import type { Cell, Column, ResultRow } from "../../experiments/result.ts";
import { Problem } from "../../problem.ts";

/** A field with what ends it: quoted, with quotes doubled, or plain. */
const FIELD = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n|$)/y;

/** The rows of a CSV with these columns. `named`: what the table is called where it is not one. Throws `invalid_request` then. */
export function rowsOfCsv(text: string, columns: readonly Column[], named: string): ResultRow[] {
  const [header = [], ...lines] = linesOf(text, named);
  const names = columns.map(({ name }) => name);
  if (header.join() !== names.join())
    throw new Problem("invalid_request", `${named} has the columns ${header.join()}; ${names.join()} are expected.`);
  return lines.map((fields, i) => {
    if (fields.length !== columns.length)
      throw new Problem(
        "invalid_request",
        `Line ${i + 2} of ${named} has ${fields.length} fields; ${columns.length} are expected.`,
      );
    return Object.fromEntries(columns.map(({ name, type }, j) => [name, cellOf(fields[j] as string, type)]));
  });
}

/** Fields as they stand, quotes included: an empty string is not the same as nothing. */
function linesOf(text: string, named: string): string[][] {
  const lines: string[][] = [];
  let line: string[] = [];
  FIELD.lastIndex = 0;
  while (FIELD.lastIndex < text.length) {
    const at = FIELD.lastIndex;
    const [, field = "", end] = FIELD.exec(text) ?? [];
    if (end === undefined) throw new Problem("invalid_request", `${named} is no CSV at character ${at}.`);
    line.push(field);
    if (end === ",") continue;
    lines.push(line);
    line = [];
  }
  return lines;
}

function cellOf(field: string, type: Column["type"]): Cell {
  if (field === "") return null;
  if (type === "string") return field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
  return type === "boolean" ? field === "true" : Number(field);
}
