/** How much experiments may hold in the engine at once: a run enters when its estimate fits, in the order of asking. */
import { Problem } from "../problem.ts";

interface Waiting {
  readonly bytes: number;
  readonly admit: () => void;
}

export class MemoryGate {
  readonly #most: number;
  readonly #waiting: Waiting[] = [];
  #held = 0;

  /** `most`: bytes of all runs inside. One that is larger enters alone. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Settles with what is to be called at the end, when there is room. Throws `cancelled` when the signal is aborted. */
  async enter(bytes: number, signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw cancelled();
    if (this.#waiting.length > 0 || !this.#fits(bytes)) await this.#wait(bytes, signal);
    else this.#held += bytes;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#held -= bytes;
      this.#admit();
    };
  }

  #fits(bytes: number): boolean {
    return this.#held === 0 || this.#held + bytes <= this.#most;
  }

  #wait(bytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(cancelled());
        this.#admit();
      };
      const waiting: Waiting = {
        bytes,
        admit: () => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      this.#waiting.push(waiting);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#held += next.bytes;
      next.admit();
    }
  }
}

function cancelled(): Problem {
  return new Problem("cancelled", "The chunk was given up while it waited for memory.");
}
