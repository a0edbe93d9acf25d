/** All events of a run, for those who want them at once. */
import type { Follower } from "./active-run.ts";
import type { WireEvent } from "./wire-event.ts";

/** Longest sleep between two looks; only so that there is one. */
const QUIET_MS = 60_000;

/** Reads to the end. A collector that fell behind goes on from the log. */
export async function collectEvents(follow: (after: number) => Follower | Promise<Follower>): Promise<WireEvent[]> {
  const events: WireEvent[] = [];
  let follower = await follow(0);
  for (;;) {
    const batch = await follower.next(QUIET_MS);
    if (typeof batch === "object") events.push(...batch);
    else if (batch === "end") return events;
    else if (batch === "too slow") follower = await follow(events.at(-1)?.seq ?? 0);
  }
}
