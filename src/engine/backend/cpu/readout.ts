/** The rows of a read-out where streams lie in memory. */
import type { ReadoutChunk } from "../backend.ts";
import { valuesOf } from "./streams.ts";

/** [n, d] of all pieces; without a copy where there is one. */
export function gathered(rows: ReadoutChunk["rows"], d: number): Float32Array {
  if (rows instanceof Float32Array) return rows;
  const part = ({ stream, from, count }: (typeof rows)[number]) => valuesOf(stream).subarray(from * d, (from + count) * d);
  if (rows.length === 1) return part(rows[0] as (typeof rows)[number]);
  const all = new Float32Array(rows.reduce((sum, { count }) => sum + count * d, 0));
  let at = 0;
  for (const piece of rows) {
    all.set(part(piece), at);
    at += piece.count * d;
  }
  return all;
}
