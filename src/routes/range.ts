/** A file, or the one range of its bytes that was asked for (RFC 9110, 14). */
import type { Context } from "hono";
import type { Env } from "./endpoint.ts";

export function byteRange(c: Context<Env>, bytes: Uint8Array): Response {
  c.header("Accept-Ranges", "bytes");
  const asked = /^bytes=(\d*)-(\d*)$/.exec(c.req.header("range")?.trim() ?? "");
  // Several ranges, or another unit: the whole is a right answer.
  if (!asked || (asked[1] === "" && asked[2] === "")) return whole(c, bytes);
  const size = bytes.length;
  const from = asked[1] === "" ? Math.max(0, size - Number(asked[2])) : Number(asked[1]);
  const to = asked[1] === "" || asked[2] === "" ? size - 1 : Math.min(size - 1, Number(asked[2]));
  if (from >= size || to < from) {
    c.header("Content-Range", `bytes */${size}`);
    return c.body(null, 416);
  }
  c.header("Content-Range", `bytes ${from}-${to}/${size}`);
  c.header("Content-Length", String(to - from + 1));
  return c.body(Uint8Array.from(bytes.subarray(from, to + 1)), 206);
}

function whole(c: Context<Env>, bytes: Uint8Array): Response {
  c.header("Content-Length", String(bytes.length));
  return c.body(Uint8Array.from(bytes));
}
