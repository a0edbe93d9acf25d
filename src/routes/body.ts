/** Reads a JSON body of bounded size, before it is parsed. */
import type { MiddlewareHandler } from "hono";
import { Problem } from "../problem.ts";
import type { Env } from "./endpoint.ts";

/** Refuses bodies of another type (415) or larger than `maxBytes` (413); leaves the text for the validators. */
export function jsonBody(maxBytes: number): MiddlewareHandler<Env> {
  return async (c, next) => {
    const type = c.req.header("content-type");
    if (!/^application\/(?:[a-z.-]+\+)?json\s*(?:;|$)/i.test(type ?? "")) {
      throw new Problem(
        "unsupported_media_type",
        `The body must be JSON, sent as application/json; its type is ${JSON.stringify(type ?? "")}.`,
      );
    }
    const declared = Number(c.req.header("content-length") ?? 0);
    if (declared > maxBytes) throw tooLarge(declared, maxBytes);
    // Read here once; hono takes it for the promise that it would have made itself.
    c.req.bodyCache.text = Promise.resolve(await readText(c.req.raw, maxBytes)) as never;
    await next();
  };
}

async function readText({ body }: Request, maxBytes: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes > maxBytes) throw tooLarge(bytes, maxBytes, "at least ");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function tooLarge(bytes: number, maxBytes: number, about = ""): Problem {
  return new Problem("body_too_large", `The body has ${about}${bytes} bytes; MAX_BODY_BYTES allows ${maxBytes}.`);
}
