/** Keys: `Authorization: Bearer …`, where the service has any. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { Problem } from "../problem.ts";
import type { Env } from "./endpoint.ts";

/** Lets requests in that carry one of the keys; all of them, where there are none. */
export function requireKey(keys: readonly string[]): MiddlewareHandler<Env> {
  const digests = keys.map(digest);
  return async (c, next) => {
    if (digests.length > 0 && !isKnown(c.req.header("authorization"), digests)) {
      throw new Problem("unauthorized", "This service needs a key: Authorization: Bearer <key>.");
    }
    await next();
  };
}

/** Compares with every key, and hashes rather than texts, so that the time taken tells nothing of either. */
function isKnown(header: string | undefined, digests: readonly Buffer[]): boolean {
  const given = digest(/^Bearer +(\S+)$/i.exec(header ?? "")?.[1] ?? "");
  let known = false;
  for (const each of digests) known = timingSafeEqual(each, given) || known;
  return known;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
