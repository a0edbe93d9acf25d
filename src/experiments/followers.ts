/** Readers of experiments' events: from the log, woken when some replica has appended to it. */
import type { Batch, Follower } from "../runs/active-run.ts";
import type { EventType } from "../runs/wire-event.ts";
import { DatabaseUnavailable, type Queryable } from "../store/database.ts";
import { findExperiment, readEvents } from "./repository.ts";

/** Events that are read at a time. */
const EVENTS_AT_ONCE = 100;

export class Followers {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** An experiment has new events; null: perhaps any. */
  told(id: string | null): void {
    for (const [each, wakes] of this.#waiting) if (id === null || each === id) for (const wake of wakes) wake();
  }

  /**
   * Reads the events after `after`: those there, then those to come, to the end of the experiment. While the database is lost
   * nothing comes.
   */
  follow(db: Queryable, id: string, after: number): Follower {
    let seq = after;
    let closed = false;
    let wake = () => {};
    const look = async (): Promise<Batch | null> => {
      const events = await readEvents(db, id, seq, EVENTS_AT_ONCE);
      if (events.length > 0) {
        seq = events.at(-1)?.seq ?? seq;
        return events.map(({ seq, type, json }) => ({ seq, type: type as EventType, json }));
      }
      const experiment = await findExperiment(db, id);
      // Its last event is told in the transaction that ends it: nothing can come between.
      const ended = !experiment || (experiment.finished_at !== null && experiment.events <= seq);
      return ended ? "end" : null;
    };
    return {
      next: async (quietMs) => {
        const end = Date.now() + quietMs;
        for (;;) {
          if (closed) return "end";
          // Whoever tells while we look is heard after it.
          const told = this.#next(
            id,
            (resolve) => (wake = resolve),
            () => Math.max(0, end - Date.now()),
          );
          const batch = await look().catch(lost);
          if (batch) {
            wake();
            return batch;
          }
          if (!(await told)) return closed ? "end" : "quiet";
        }
      },
      close: () => {
        closed = true;
        wake();
      },
    };
  }

  /** true: something was told; false: nothing for so long. */
  #next(id: string, expose: (wake: () => void) => void, ms: () => number): Promise<boolean> {
    return new Promise((resolve) => {
      const wakes = this.#waiting.get(id) ?? new Set<() => void>();
      this.#waiting.set(id, wakes);
      const settle = (told: boolean) => {
        clearTimeout(timer);
        wakes.delete(wake);
        if (wakes.size === 0 && this.#waiting.get(id) === wakes) this.#waiting.delete(id);
        resolve(told);
      };
      const wake = () => settle(true);
      const timer = setTimeout(() => settle(false), ms());
      wakes.add(wake);
      expose(wake);
    });
  }
}

/** Nothing to read, in place of the error. */
function lost(error: unknown): null {
  if (error instanceof DatabaseUnavailable) return null;
  throw error;
}
