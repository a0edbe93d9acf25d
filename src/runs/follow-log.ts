/** Follows a run by its log: one that is over, or that another process runs. */
import type { Batch, Follower } from "./active-run.ts";
import type { RunLogs } from "./logs/run-logs.ts";
import { isTerminal } from "./wire-event.ts";

/**
 * The events after `after`, those to come too. `here`: follows the run where it is in flight in this process by now,
 * as one does that was taken over.
 */
export function followLog(logs: RunLogs, id: string, after: number, here: (after: number) => Follower | undefined): Follower {
  const reader = logs.reader(id, after);
  const stop = new AbortController();
  let seq = after;
  let over = false;
  let near: Follower | undefined;

  const next = async (quietMs: number): Promise<Batch> => {
    const quietAt = performance.now() + quietMs;
    while (!stop.signal.aborted) {
      near ??= over ? undefined : here(seq);
      if (near) return near.next(quietMs);
      const batch = await reader.next();
      if (batch) {
        const last = batch.at(-1);
        over ||= last !== undefined && isTerminal(last);
        return batch;
      }
      if (over) return "end";
      const summary = await logs.read(id);
      // What came between the two looks is read first.
      if (!summary || summary.end) over = true;
      else if (performance.now() >= quietAt) return "quiet";
      else await logs.changed(id, Math.max(1, quietAt - performance.now()), stop.signal);
    }
    return "end";
  };
  return {
    next: async (quietMs) => {
      const batch = await next(quietMs);
      if (typeof batch === "object") seq = batch.at(-1)?.seq ?? seq;
      if (batch === "end" || near) await reader.close();
      return batch;
    },
    close: () => {
      stop.abort();
      near?.close();
      void reader.close();
    },
  };
}
