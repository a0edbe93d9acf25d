/** The body of an upload: what it says it is, and its bytes as they come. */
import type { Context } from "hono";
import type { UploadBody } from "../datasets/staging.ts";
import type { DatasetFormat } from "../datasets/stored.ts";
import { Problem } from "../problem.ts";
import type { Env } from "./endpoint.ts";

const TYPES: Readonly<Record<string, DatasetFormat>> = {
  "application/x-ndjson": "jsonl",
  "application/jsonl": "jsonl",
  "text/plain": "text",
};

/** For a contract: bytes, which no validator reads and generated clients send as they are. */
export const DATASET_CONTENT = Object.fromEntries(
  Object.keys(TYPES).map((type) => [type, { schema: { type: "string" as const, format: "binary" } }]),
);

/** Throws `unsupported_media_type` for anything but UTF-8 text of these types, sent as it is. */
export function uploadFormat(c: Context<Env>): DatasetFormat {
  const given = c.req.header("content-type") ?? "";
  const [type = "", ...parameters] = given.split(";").map((part) => part.trim().toLowerCase());
  const format = TYPES[type];
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.replace(/^charset=|"/g, "");
  if (!format || (charset !== undefined && charset !== "utf-8" && charset !== "utf8"))
    throw unsupported(`must be ${Object.keys(TYPES).join(", ")}, in UTF-8; its type is ${JSON.stringify(given.slice(0, 200))}`);
  const encoding = c.req.header("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity")
    throw unsupported(`must be sent as it is; its Content-Encoding is ${JSON.stringify(encoding.slice(0, 200))}`);
  return format;
}

/** The body, unread. */
export function uploadBody(c: Context<Env>): UploadBody {
  const { body, signal } = c.req.raw;
  const declared = c.req.header("content-length");
  return {
    content: (body ?? new Blob().stream()) as AsyncIterable<Uint8Array>,
    declaredBytes: declared === undefined ? null : Number(declared),
    signal,
  };
}

function unsupported(detail: string): Problem {
  return new Problem("unsupported_media_type", `The data set ${detail}.`);
}
