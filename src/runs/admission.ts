/** Who may run now, who waits, and who is turned away. */
import { Problem } from "../problem.ts";

export interface AdmissionLimits {
  readonly maxActiveRuns: number;
  readonly maxQueuedRuns: number;
  readonly maxRunMemoryBytes: number;
}

export type Priority = "interactive" | "background";

/** A place in the queue. */
export interface Ticket {
  /** Settles when the run may start: true; or, when the signal was aborted first, false. */
  readonly admitted: Promise<boolean>;
  /** Gives the place back, once the run has ended; safe to repeat. */
  release(): void;
}

interface Entry {
  readonly memoryBytes: number;
  readonly admit: (go: boolean) => void;
  startedAt: number;
}

/** Seconds that `Retry-After` may say. */
const RETRY = { least: 1, most: 60 } as const;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #queues: Readonly<Record<Priority, Set<Entry>>> = { interactive: new Set(), background: new Set() };
  readonly #active = new Set<Entry>();
  #memoryBytes = 0;
  /** Milliseconds that runs took, the recent ones weighing most. */
  #typicalMs = 200;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get active(): number {
    return this.#active.size;
  }

  get queued(): number {
    return this.#queues.interactive.size + this.#queues.background.size;
  }

  /** When it may be worth to try again, in whole seconds: the queue at its recent pace. */
  get retryAfterSeconds(): number {
    const seconds = (this.#typicalMs * (this.queued + 1)) / this.#limits.maxActiveRuns / 1000;
    return Math.min(RETRY.most, Math.max(RETRY.least, Math.ceil(seconds)));
  }

  /** Takes a place. Throws `queue_full` when neither a run can start nor another wait. */
  enter(priority: Priority, memoryBytes: number, signal: AbortSignal): Ticket {
    let admit: (go: boolean) => void = () => {};
    const admitted = new Promise<boolean>((resolve) => {
      admit = resolve;
    });
    const entry: Entry = { memoryBytes, admit, startedAt: 0 };
    const queue = this.#queues[priority];
    if (this.#mustWait(priority, entry) && this.queued >= this.#limits.maxQueuedRuns) {
      throw new Problem(
        "queue_full",
        `${this.#active.size} runs are active and ${this.queued} wait; MAX_QUEUED_RUNS allows ${this.#limits.maxQueuedRuns}.`,
      );
    }
    queue.add(entry);
    const leave = () => {
      if (queue.delete(entry)) {
        entry.admit(false);
        this.#next();
      }
    };
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    this.#next();
    return {
      admitted,
      release: () => {
        signal.removeEventListener("abort", leave);
        leave();
        this.#release(entry);
      },
    };
  }

  #mustWait(priority: Priority, entry: Entry): boolean {
    const before = this.#queues.interactive.size + (priority === "background" ? this.#queues.background.size : 0);
    return before > 0 || !this.#fits(entry);
  }

  #fits({ memoryBytes }: Entry): boolean {
    if (this.#active.size === 0) return true;
    return this.#active.size < this.#limits.maxActiveRuns && this.#memoryBytes + memoryBytes <= this.#limits.maxRunMemoryBytes;
  }

  /** Starts whoever comes next while they fit: in order, so that a large run is not passed by forever. */
  #next(): void {
    for (;;) {
      const queue = this.#queues.interactive.size > 0 ? this.#queues.interactive : this.#queues.background;
      const [entry] = queue;
      if (!entry || !this.#fits(entry)) return;
      queue.delete(entry);
      this.#active.add(entry);
      this.#memoryBytes += entry.memoryBytes;
      entry.startedAt = performance.now();
      entry.admit(true);
    }
  }

  #release(entry: Entry): void {
    if (!this.#active.delete(entry)) return;
    this.#memoryBytes -= entry.memoryBytes;
    this.#typicalMs += 0.2 * (performance.now() - entry.startedAt - this.#typicalMs);
    this.#next();
  }
}
