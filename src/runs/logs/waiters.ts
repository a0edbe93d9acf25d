/** Those who wait until events up to some number are stored. */
interface Waiter {
  readonly seq: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Waiters {
  #waiters: Waiter[] = [];

  /** Settles when `settle` says that this number is reached. */
  add(seq: number): Promise<void> {
    return new Promise((resolve, reject) => void this.#waiters.push({ seq, resolve, reject }));
  }

  /** Tells those whose number is reached. */
  settle(isReached: (seq: number) => boolean): void {
    const waiters = this.#waiters;
    this.#waiters = waiters.filter(({ seq }) => !isReached(seq));
    for (const { seq, resolve } of waiters) if (isReached(seq)) resolve();
  }

  /** Tells everybody why not. */
  fail(error: unknown): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }
}
