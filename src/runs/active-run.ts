/** A run in flight: keeps its newest events for those who follow it, and all of them in its log. */

import type { LogWriter } from "./log.ts";
import { readEvents } from "./log-reader.ts";
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
  readonly log: LogWriter;
  readonly #keepBytes: number;
  readonly #recent: WireEvent[] = [];
  /** Seq of the first event in `#recent`. */
  #first = 1;
  #bytes = 0;
  #lastBatch = 0;
  #ended = false;
  readonly #waiting = new Set<() => void>();

  /** `keepBytes`: what is held for followers; one who falls behind further is too slow. */
  constructor(log: LogWriter, keepBytes: number) {
    this.log = log;
    this.#keepBytes = keepBytes;
  }

  /** The last event's seq. */
  get events(): number {
    return this.#first + this.#recent.length - 1;
  }

  get last(): WireEvent | undefined {
    return this.#recent.at(-1);
  }

  push(events: readonly WireEvent[]): void {
    for (const event of events) {
      this.#recent.push(event);
      this.#bytes += event.json.length;
      this.log.append(event);
    }
    if (this.#bytes > this.#keepBytes) this.#trim(this.#lastBatch + events.length);
    this.#lastBatch = events.length;
    this.#wake();
  }

  /** No more events will come. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Reads the events after `after`: first those of the past, at the reader's pace, then those to come. */
  follow(after: number): Follower {
    let seq = after;
    let past: AsyncGenerator<readonly WireEvent[], void, void> | null = null;
    let live = false;
    let closed = false;
    let wake: (() => void) | null = null;
    const fromLog = async (): Promise<Batch | null> => {
      if (!past) {
        await this.log.flush();
        past = readEvents(this.log.path, seq);
      }
      const { value } = await past.next();
      if (value) return value;
      past = null;
      return null;
    };
    const next = async (quietMs: number): Promise<Batch> => {
      for (;;) {
        if (closed) return "end";
        if (seq + 1 < this.#first || past) {
          if (live) return "too slow";
          const batch = await fromLog();
          if (batch) return batch;
          continue;
        }
        live = true;
        if (seq < this.events) return this.#recent.slice(seq + 1 - this.#first);
        if (this.#ended) return "end";
        if (!(await this.#more(quietMs, (resolve) => (wake = resolve)))) return "quiet";
      }
    };
    return {
      next: async (quietMs) => {
        const batch = await next(quietMs);
        if (typeof batch === "object") seq = batch.at(-1)?.seq ?? seq;
        return batch;
      },
      close: () => {
        closed = true;
        void past?.return();
        wake?.();
      },
    };
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
  #trim(keep: number): void {
    let count = 0;
    const most = this.#recent.length - keep;
    while (this.#bytes > this.#keepBytes * 0.75 && count < most) this.#bytes -= this.#recent[count++]?.json.length ?? 0;
    this.#recent.splice(0, count);
    this.#first += count;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
