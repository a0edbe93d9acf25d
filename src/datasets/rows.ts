/**
 * Where the rows of a data set are in its bytes.
 *
 * `jsonl`: every line that is not blank. `text`: where a line holds only `---`, texts are what stands between such
 * lines, blank lines and all; where none does, texts are paragraphs, parted by blank lines. Blank lines around a text,
 * and a byte-order mark, belong to none.
 */
import { setImmediate } from "node:timers/promises";
import { Problem } from "../problem.ts";
import type { DatasetFormat } from "./stored.ts";

/** Rows of one data set: two numbers each are held, and an experiment reads thousands. */
export const MAX_ROWS = 1_000_000;
/** Of one row: it is parsed in one go, while nothing else happens. */
export const MAX_ROW_BYTES = 16 * 2 ** 20;
/** Lines that are looked at before others get their turn. */
const LINES_PER_TURN = 65_536;

const [NEWLINE, RETURN, SPACE, TAB] = [0x0a, 0x0d, 0x20, 0x09];
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const RULE = Buffer.from("---");

/** First byte and end of every row, one after the other. Throws `invalid_request` beyond the bounds. */
export async function findRows(bytes: Buffer, format: DatasetFormat, subject: string): Promise<Uint32Array> {
  const places: number[] = [];
  const parts = format === "jsonl" ? null : hasRule(bytes) ? isRule : isBlank;
  let first = -1; // of the text under way: where it begins, and where its last line that is not blank ends
  let last = -1;
  const add = (start: number, end: number) => {
    if (end - start > MAX_ROW_BYTES)
      throw refused(
        `${where(bytes, start, format, subject)} has ${end - start} bytes, more than the most allowed, ${MAX_ROW_BYTES}`,
      );
    if (places.length === 2 * MAX_ROWS) throw refused(`${subject} has more rows than the most allowed, ${MAX_ROWS}`);
    places.push(start, end);
  };
  const close = () => {
    if (first >= 0) add(first, last);
    first = -1;
  };
  let lines = 0;
  for (let start = textStart(bytes), end = 0; start < bytes.length; start = end + 1) {
    if (++lines % LINES_PER_TURN === 0) await setImmediate();
    end = lineEnd(bytes, start);
    if (parts?.(bytes, start, end)) close();
    else if (isBlank(bytes, start, end)) continue;
    else if (!parts) add(start, end);
    else {
      if (first < 0) first = start;
      last = end;
    }
  }
  close();
  return Uint32Array.from(places);
}

/** A row for people: by its line, and of plain text by the one that it begins with. */
export function where(bytes: Buffer, start: number, format: DatasetFormat, subject: string): string {
  let line = 1;
  for (let at = bytes.indexOf(NEWLINE); at >= 0 && at < start; at = bytes.indexOf(NEWLINE, at + 1)) line++;
  return format === "jsonl" ? `line ${line} of ${subject}` : `the text at line ${line} of ${subject}`;
}

function textStart(bytes: Buffer): number {
  return bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
}

function lineEnd(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(NEWLINE, from);
  return at < 0 ? bytes.length : at;
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== SPACE && bytes[i] !== TAB && bytes[i] !== RETURN) return false;
  return true;
}

/** Whether a line is `---` and nothing but blanks after it. */
function isRule(bytes: Buffer, start: number, end: number): boolean {
  const after = start + RULE.length;
  return after <= end && bytes.subarray(start, after).equals(RULE) && isBlank(bytes, after, end);
}

function hasRule(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(RULE); at >= 0; at = bytes.indexOf(RULE, lineEnd(bytes, at))) {
    const begins = at === textStart(bytes) || bytes[at - 1] === NEWLINE;
    if (begins && isRule(bytes, at, lineEnd(bytes, at))) return true;
  }
  return false;
}

function refused(detail: string): Problem {
  return new Problem("invalid_request", detail);
}
