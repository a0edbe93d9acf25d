/** A run in flight: keeps its newest events for those who follow it, and all of them in its log. */

import type { RunLog } from "./logs/run-log.ts";
import type { EventReader } from "./logs/run-logs.ts";
import type { WireEvent } from "./wire-event.ts";

/** Events that one step of a follower hands over, or why there are none. */
export type Batch = readonly WireEvent[] | "quiet" | "too slow" | "end";

/** One reader of a run's events. */
export interface Follower {
  /** The next events; `quiet` when none came for so long; `end` after the last. */
  next(quietMs: number): Promise<Batch>;
  close(): void;
}

export class ActiveRun {
  readonly log: RunLog;
  readonly #keepBytes: number;
  readonly #recent: WireEvent[] = [];
  /** Seq of the first event in `#recent`. */
  #first: number;
  #bytes = 0;
  /** Seq of the last event that could be read when the last batch came, and when the one before it did. */
  #readable: readonly [number, number];
  #end: "completed" | "abandoned" | null = null;
  readonly #waiting = new Set<() => void>();

  /** `keepBytes`: what is held for followers; one who falls behind further is too slow. */
  constructor(log: RunLog, keepBytes: number) {
    this.log = log;
    this.#keepBytes = keepBytes;
    this.#first = log.events + 1;
    this.#readable = [log.events, log.events];
    log.listen(() => this.#wake());
  }

  /** The seq of the last event that followers may see. */
  get events(): number {
    return Math.min(this.#last, this.log.shown);
  }

  get last(): WireEvent | undefined {
    return this.#recent.at(-1);
  }

  push(events: readonly WireEvent[]): void {
    for (const event of events) {
      this.#recent.push(event);
      this.#bytes += event.json.length;
    }
    this.log.append(events);
    if (this.#bytes > this.#keepBytes) this.#trim(this.#readable[0]);
    this.#readable = [this.#readable[1], this.events];
    this.#wake();
  }

  /** No more events will come. `abandoned`: from here; those that were not shown yet come from whoever goes on. */
  end(how: "completed" | "abandoned"): void {
    this.#end = how;
    this.#wake();
  }

  /** Reads the events after `after`: first those of the past, at the reader's pace, then those to come. */
  follow(after: number): Follower {
    let seq = after;
    let past: EventReader | null = null;
    let live = false;
    let closed = false;
    let wake: (() => void) | null = null;
    const fromLog = async (): Promise<Batch | null> => {
      const first = this.#first;
      past ??= this.log.reader(seq);
      const batch = await past.next();
      if (batch) return batch;
      await past.close();
      past = null;
      if (seq + 1 < first) throw new Error(`events ${seq + 1} to ${first - 1} of ${this.log.id} are not in its log`);
      return null;
    };
    const next = async (quietMs: number): Promise<Batch> => {
      for (;;) {
        if (closed || this.#end === "abandoned") return "end";
        if (seq + 1 < this.#first || past) {
          if (live) return "too slow";
          const batch = await fromLog();
          if (batch) return batch;
          continue;
        }
        live = true;
        if (seq < this.events) return this.#recent.slice(seq + 1 - this.#first, this.events + 1 - this.#first);
        if (this.#end && seq >= this.#last) return "end";
        if (!(await this.#more(quietMs, (resolve) => (wake = resolve)))) return "quiet";
      }
    };
    return {
      next: async (quietMs) => {
        const batch = await next(quietMs);
        if (typeof batch === "object") seq = batch.at(-1)?.seq ?? seq;
        if (batch === "end") await past?.close();
        return batch;
      },
      close: () => {
        closed = true;
        void past?.close();
        wake?.();
      },
    };
  }

  get #last(): number {
    return this.#first + this.#recent.length - 1;
  }

  /** true: something has happened; false: nothing did for that long. */
  #more(quietMs: number, expose: (wake: () => void) => void): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (happened: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve(happened);
      };
      const wake = () => settle(true);
      const timer = setTimeout(() => settle(false), quietMs);
      this.#waiting.add(wake);
      expose(wake);
    });
  }

  /** Drops the oldest events, a quarter at once so that it is seldom done; never those that nobody has had a chance to read. */
  #trim(read: number): void {
    let count = 0;
    const most = read + 1 - this.#first;
    while (this.#bytes > this.#keepBytes * 0.75 && count < most) this.#bytes -= this.#recent[count++]?.json.length ?? 0;
    this.#recent.splice(0, count);
    this.#first += count;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
