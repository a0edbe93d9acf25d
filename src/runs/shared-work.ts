/** Work that several ask for at the same time, done once: each may give up the wait, and it ends when nobody waits any more. */
import { Problem } from "../problem.ts";

interface Work<T> {
  readonly value: Promise<T>;
  readonly stop: AbortController;
  waiting: number;
}

export class SharedWork<T> {
  readonly #gaveUp: string;
  readonly #underWay = new Map<string, Work<T>>();

  /** `gaveUp`: told to who aborts the wait. */
  constructor(gaveUp: string) {
    this.#gaveUp = gaveUp;
  }

  /** The value of `key` from the work under way, or from `start`. Throws what the work threw, or `cancelled` when the signal is aborted. */
  async get(key: string, start: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const work = this.#underWay.get(key) ?? this.#start(key, start);
    work.waiting++;
    let leave = () => {};
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(new Problem("cancelled", this.#gaveUp));
      if (signal.aborted) leave();
      else signal.addEventListener("abort", leave, { once: true });
    });
    try {
      return await Promise.race([work.value, left]);
    } finally {
      signal.removeEventListener("abort", leave);
      if (--work.waiting === 0) work.stop.abort();
    }
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<T>): Work<T> {
    const stop = new AbortController();
    const value = start(stop.signal);
    const work: Work<T> = { value, stop, waiting: 0 };
    this.#underWay.set(key, work);
    // One that was given up must not be joined any more.
    const forget = () => {
      if (this.#underWay.get(key) === work) this.#underWay.delete(key);
    };
    stop.signal.addEventListener("abort", forget, { once: true });
    value.then(forget, forget);
    return work;
  }
}
