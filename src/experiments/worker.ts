/**
 * Takes chunks from the queue, a few at a time, and computes them. An output is written in the transaction that ends its
 * job: whatever is killed when, a chunk counts once, and one under way is all that is lost.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Problem } from "../problem.ts";
import { DatabaseUnavailable, type Queryable } from "../store/database.ts";
import type { QueueName } from "../store/jobs.ts";
import type { Ground } from "./backing.ts";
import type { Computer } from "./computer.ts";
import type { Keeper } from "./keeper.ts";
import { unpack } from "./pack.ts";
import { type JobData, UNFINISHED } from "./queueing.ts";
import { findChunk, findExperiment, lockExperiment, type StoredExperiment, writeOutput } from "./repository.ts";
import type { StoredInput } from "./tally.ts";

/** What became of a chunk that was computed here; nothing is said of one that somebody else had stored before. */
export type ChunkOutcome = "stored" | "given_back" | "failed";

export interface WorkerParts {
  readonly open: () => Promise<Ground>;
  readonly computer: Pick<Computer, "compute">;
  readonly keeper: Keeper;
  /** Chunks at a time; 0: none are computed here. */
  readonly slots: number;
  /** What keeps it from going on; null: nothing any more. */
  readonly trouble: (reason: string | null) => void;
  /** The database is there again: jobs may have been taken whose taking nobody heard of. `inHand`: those that it works on. */
  readonly foundAgain: (ground: Ground, inHand: ReadonlySet<string>) => Promise<void>;
  readonly counted: (outcome: ChunkOutcome) => void;
  readonly failed: (error: unknown) => void;
}

/** A job that was taken. */
interface Taken {
  readonly queue: QueueName;
  readonly id: string;
  readonly data: JobData;
  readonly stop: AbortController;
}

/** The first is looked into first, when it was heard of or nobody has looked for so long. */
const QUEUES = ["finish", "chunks"] as const;
const FINISH_LOOK_MS = 2_000;
/** Between looks at the queue when nobody has said that there is something. */
const LOOK_MS = { embedded: 30_000, postgres: 2_000 } as const;
/** Between tries while the database is lost. */
const LOST_MS = { first: 250, most: 5_000 } as const;
/** Between signs of life for jobs in hand. */
const TOUCH_MS = 3_000;

export class Worker {
  readonly #parts: WorkerParts;
  readonly #taken = new Set<Taken>();
  readonly #working = new Set<Promise<void>>();
  /** Who waits for the database, and why. */
  readonly #troubled = new Map<object, string>();
  readonly #closing = new AbortController();
  #wake: () => void = () => {};
  #woken = false;
  /** When to look for what is to be added up, on `performance.now()`'s clock. */
  #finishAt = 0;
  #loop: Promise<void> | null = null;
  #touching: ReturnType<typeof setInterval> | null = null;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  /** Begins to look for work; once. */
  start(): void {
    if (this.#loop || this.#closed || this.#parts.slots === 0) return;
    this.#loop = this.#run();
    this.#touching = setInterval(() => void this.#touch(), TOUCH_MS);
    this.#touching.unref?.();
  }

  /** There may be something to do in a queue; null: in any. */
  wake(queue: QueueName | null): void {
    if (queue !== "chunks") this.#finishAt = 0;
    this.#woken = true;
    this.#wake();
  }

  /** Gives up what is computed for an experiment, between two calls of the engine. */
  stop(experiment: string): void {
    for (const { data, stop } of this.#taken) if (data.experiment === experiment) stop.abort();
  }

  /** Gives everything back, so that others can take it at once. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#touching) clearInterval(this.#touching);
    for (const { stop } of this.#taken) stop.abort();
    this.wake(null);
    await this.#loop;
    await Promise.all(this.#working);
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const looked = await this.#patiently(this, async () => {
        const ground = await this.#parts.open();
        this.#woken = false;
        return { ground, took: await this.#take(ground) };
      }).catch((error: unknown) => {
        if (!this.#closed) this.#parts.failed(error);
        return null;
      });
      if (!looked) await this.#sleep(LOST_MS.most);
      else if (!looked.took) await this.#sleep(LOOK_MS[looked.ground.db.kind]);
    }
  }

  async #take(ground: Ground): Promise<boolean> {
    let took = false;
    for (const queue of QUEUES) {
      const free = this.#parts.slots - this.#taken.size;
      if (free <= 0) break;
      if (queue === "finish") {
        if (performance.now() < this.#finishAt) continue;
        this.#finishAt = performance.now() + FINISH_LOOK_MS;
      }
      for (const { id, data } of await ground.jobs.fetch(queue, free)) {
        took = true;
        const taken: Taken = { queue, id, data: data as JobData, stop: new AbortController() };
        if (this.#closed) taken.stop.abort();
        this.#taken.add(taken);
        const work = this.#work(ground, taken).finally(() => {
          this.#taken.delete(taken);
          this.#working.delete(work);
          this.wake("chunks");
        });
        this.#working.add(work);
      }
    }
    return took;
  }

  #sleep(ms: number): Promise<void> {
    if (this.#woken || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref?.();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #touch(): Promise<void> {
    if (this.#taken.size === 0) return;
    try {
      const { jobs } = await this.#parts.open();
      for (const queue of QUEUES) {
        const ids = [...this.#taken].filter((taken) => taken.queue === queue).map(({ id }) => id);
        if (ids.length > 0) await jobs.touch(queue, ids);
      }
    } catch {
      // Lost: others may compute the same, and whoever writes first has written it.
    }
  }

  /** One job to its end. Never throws. */
  async #work(ground: Ground, taken: Taken): Promise<void> {
    const { failed, keeper, counted } = this.#parts;
    const { experiment } = taken.data;
    try {
      if (taken.queue === "finish") await this.#patiently(taken, () => keeper.finish(ground, experiment));
      else await this.#chunk(ground, taken);
    } catch (error) {
      if (taken.stop.signal.aborted) return this.#giveBack(ground, taken);
      if (!(error instanceof Problem)) failed(error);
      if (taken.queue === "chunks") counted("failed");
      await this.#patiently(taken, () => keeper.fail(ground, experiment, Problem.from(error))).catch(failed);
    }
  }

  async #chunk(ground: Ground, taken: Taken): Promise<void> {
    const { keeper, computer, counted, failed } = this.#parts;
    const { signal } = taken.stop;
    const begun = await this.#patiently(taken, () => this.#begin(ground, taken));
    if (!begun) return;
    const started = performance.now();
    const { units, input } = unpack<StoredInput>(begun.input);
    const output = await computer.compute(begun.experiment.spec, input, signal);
    const ms = performance.now() - started;
    if (signal.aborted) throw new Problem("cancelled", "The chunk was given up.");
    const after = await this.#patiently(taken, () =>
      ground.db.transaction((tx) => this.#end(ground, tx, taken, output, { units, ms })),
    );
    if (!after) return;
    counted("stored");
    // Nothing hangs on it: the next chunk tells again.
    await keeper.tell(ground, after).catch((error: unknown) => {
      if (!(error instanceof DatabaseUnavailable)) failed(error);
    });
  }

  /** The experiment and the input, where there is something to compute; otherwise the job ends. */
  async #begin(ground: Ground, { id: job, data }: Taken): Promise<{ experiment: StoredExperiment; input: Uint8Array } | null> {
    const { db, jobs } = ground;
    const look = async (on: Queryable, experiment: StoredExperiment | null) => {
      if (!experiment || !UNFINISHED.includes(experiment.state)) return null;
      const found = await findChunk(on, experiment.id, data.chunk);
      return found && !found.finished ? { experiment, input: found.input } : null;
    };
    const begun =
      (await look(db, await findExperiment(db, data.experiment))) ??
      // Once more, while nobody else can queue it anew.
      (await db.transaction(async (tx) => {
        const found = await look(tx, await lockExperiment(tx, data.experiment));
        if (!found) await jobs.complete(tx, "chunks", job);
        return found;
      }));
    if (begun?.experiment.state === "queued") await this.#parts.keeper.began(db, data.experiment);
    return begun;
  }

  /** Writes the output and ends the job. The experiment as it is then; null: somebody else had written it. */
  async #end(
    ground: Ground,
    tx: Queryable,
    { id: job, data }: Taken,
    output: Uint8Array,
    cost: { readonly units: number; readonly ms: number },
  ): Promise<StoredExperiment | null> {
    await lockExperiment(tx, data.experiment);
    const written = await writeOutput(tx, data.experiment, data.chunk, output, cost);
    await ground.jobs.complete(tx, "chunks", job);
    if (written && UNFINISHED.includes(written.state) && written.done >= written.total)
      await this.#parts.keeper.askToFinish(ground, tx, written.id);
    return written;
  }

  /** Again and again while the database is lost, until this is closed: what was computed is not thrown away. */
  async #patiently<T>(who: object, act: () => Promise<T>): Promise<T> {
    try {
      for (let lost = 0; ; lost++) {
        try {
          const done = await act();
          // Whoever is the last to find it again looks after all.
          if (lost > 0 && this.#troubled.size === 1) await this.#foundAgain();
          return done;
        } catch (error) {
          if (!(error instanceof DatabaseUnavailable) || this.#closed) throw error;
          this.#setTrouble(who, error.message);
          const ms = Math.min(LOST_MS.most, LOST_MS.first * 2 ** lost);
          await sleep(ms, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {});
        }
      }
    } finally {
      this.#setTrouble(who, null);
    }
  }

  async #foundAgain(): Promise<void> {
    const inHand = new Set([...this.#taken].map(({ id }) => id));
    await this.#parts.foundAgain(await this.#parts.open(), inHand);
  }

  #setTrouble(who: object, reason: string | null): void {
    if (reason === null ? !this.#troubled.delete(who) : this.#troubled.get(who) === reason) return;
    if (reason !== null) this.#troubled.set(who, reason);
    this.#parts.trouble([...this.#troubled.values()].at(-1) ?? null);
  }

  async #giveBack({ jobs }: Ground, { queue, id }: Taken): Promise<void> {
    if (queue === "chunks") this.#parts.counted("given_back");
    // Of an experiment that was cancelled the job is gone already. Where the database is lost, it comes back by itself.
    await jobs.retry(queue, id).catch(() => {});
  }
}
