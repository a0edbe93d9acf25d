/** One data set, read: its bytes, and rows that are parsed when they are looked at. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { Problem } from "../problem.ts";
import { lazyList } from "./lazy-list.ts";
import { findRows, where } from "./rows.ts";
import type { DatasetFormat, StoredDataset } from "./stored.ts";

/** A line of `jsonl`, with all its fields; of plain text only `text`. */
export type DatasetRow = Readonly<Record<string, unknown>>;

export interface Dataset {
  readonly name: string;
  readonly format: DatasetFormat;
  /** Of the bytes as they were stored, hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
  /** Parsed when looked at: throws `invalid_request`, naming the line, where it cannot be. */
  readonly rows: readonly DatasetRow[];
  /** The `text` of every row: throws `invalid_request`, naming the line, where a row has none. */
  readonly texts: readonly string[];
}

/** What was read is not what was found a moment ago. */
export class ContentChanged extends Error {
  override readonly name = "ContentChanged";
}

type Readable = Pick<StoredDataset, "name" | "format" | "bytes" | "sha256" | "content">;

/** Reads a data set, in pieces, into memory. Throws `ContentChanged`, or `invalid_request` where rows are too many or too long. */
export async function readDataset({ name, format, bytes: size, sha256, content }: Readable): Promise<Dataset> {
  const bytes = Buffer.allocUnsafe(size);
  const hash = createHash("sha256");
  let read = 0;
  for await (const piece of content()) {
    if (read + piece.length > size) throw new ContentChanged(`more than ${size} bytes`);
    bytes.set(piece, read);
    hash.update(piece);
    read += piece.length;
  }
  const seen = hash.digest("hex");
  if (read < size || (sha256 !== null && sha256 !== seen)) throw new ContentChanged(`${read} bytes, ${seen}`);
  const subject = `the data set ${name}`;
  const places = await findRows(bytes, format, subject);
  const refuse = (i: number, reason: string): never => {
    throw new Problem("invalid_request", `${where(bytes, places[2 * i] as number, format, subject)} ${reason}`);
  };
  const row = (i: number): DatasetRow => {
    const content = bytes.subarray(places[2 * i], places[2 * i + 1]);
    if (!isUtf8(content)) refuse(i, "is not UTF-8");
    const line = content.toString("utf8");
    return format === "text" ? textRow(line) : jsonRow(line, (reason) => refuse(i, reason));
  };
  const text = (i: number): string => {
    const value = row(i).text;
    return typeof value === "string" ? value : refuse(i, 'has no "text" that is a text');
  };
  const count = places.length / 2;
  return { name, format, sha256: seen, bytes: size, rows: lazyList(count, row), texts: lazyList(count, text) };
}

function jsonRow(line: string, refuse: (reason: string) => never): DatasetRow {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return refuse("is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse("is not a JSON object");
  return value as DatasetRow;
}

/** Lines end as Unix has them, whatever the file was written on. */
function textRow(text: string): DatasetRow {
  return { text: text.replace(/\r(?=\n|$)/g, "") };
}
