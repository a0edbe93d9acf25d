/** Where a reader of events goes on: `Last-Event-ID`, or `?after=`. */
import type { Context } from "hono";
import { Problem } from "../problem.ts";
import type { Env } from "./endpoint.ts";
import { Unreadable } from "./problems.ts";

/** 0, or the seq of an event that there is. `last`: of the newest; `subject`: whose events they are. */
export function placeOf(c: Context<Env>, last: number, subject: string): number {
  const header = c.req.header("last-event-id")?.trim();
  const [name, text] = header ? ["Last-Event-ID", header] : ["after", c.req.query("after") ?? "0"];
  if (!/^\d{1,15}$/.test(text))
    throw new Unreadable(`${name} is ${JSON.stringify(text.slice(0, 60))}; it must be the number of an event.`, name);
  const seq = Number(text);
  if (seq <= last) return seq;
  const detail = `${name} is ${seq}, beyond the last event of the ${subject}, ${last}.`;
  throw new Problem("invalid_request", detail, [{ pointer: name, detail }]);
}
