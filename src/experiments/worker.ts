/**
 * Takes chunks from the queue, a few at a time, and computes them. An output is written in the transaction that ends its
 * job: whatever is killed when, a chunk counts once, and one under way is all that is lost.
 */
import { Problem } from "../problem.ts";
import { DatabaseUnavailable } from "../store/database.ts";
import type { Ground } from "./backing.ts";
import type { Computer } from "./computer.ts";
import type { Keeper } from "./keeper.ts";
import { unpack } from "./pack.ts";
import { findChunk, findExperiment, type StoredExperiment, writeOutput } from "./repository.ts";
import type { StoredInput } from "./tally.ts";

export interface WorkerParts {
  readonly open: () => Promise<Ground>;
  readonly computer: Computer;
  readonly keeper: Keeper;
  /** Chunks at a time; 0: none are computed here. */
  readonly slots: number;
  /** What keeps it from going on; null: nothing any more. */
  readonly trouble: (reason: string | null) => void;
  readonly failed: (error: unknown) => void;
}

interface ChunkData {
  readonly experiment: string;
  readonly chunk: number;
}

/** A job that was taken. */
interface Taken {
  readonly queue: "chunks" | "finish";
  readonly id: string;
  readonly data: ChunkData;
  readonly stop: AbortController;
}

/** Between looks at the queue when nobody has said that there is something. */
const LOOK_MS = { embedded: 30_000, postgres: 2_000 } as const;
/** Between tries while the database is lost. */
const LOST_MS = { first: 250, most: 5_000 } as const;
/** Between signs of life for jobs in hand. */
const TOUCH_MS = 3_000;

export class Worker {
  readonly #parts: WorkerParts;
  readonly #taken = new Map<string, Taken>();
  readonly #working = new Set<Promise<void>>();
  #wake: () => void = () => {};
  #woken = false;
  #closed = false;
  #loop: Promise<void> | null = null;
  #touching: ReturnType<typeof setInterval> | null = null;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  /** Begins to look for work; once. */
  start(): void {
    if (this.#loop || this.#parts.slots === 0) return;
    this.#loop = this.#run();
    this.#touching = setInterval(() => void this.#touch(), TOUCH_MS);
    this.#touching.unref?.();
  }

  /** There may be something to do. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  /** Gives up what is computed for an experiment, between two calls of the engine. */
  stop(experiment: string): void {
    for (const { data, stop } of this.#taken.values()) if (data.experiment === experiment) stop.abort();
  }

  /** Gives everything back, so that others can take it at once. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#touching) clearInterval(this.#touching);
    for (const { stop } of this.#taken.values()) stop.abort();
    this.wake();
    await this.#loop;
    await Promise.all(this.#working);
  }

  async #run(): Promise<void> {
    let lost = 0;
    while (!this.#closed) {
      try {
        const ground = await this.#parts.open();
        this.#woken = false;
        const took = await this.#take(ground);
        if (lost > 0) this.#parts.trouble(null);
        lost = 0;
        if (!took) await this.#sleep(LOOK_MS[ground.db.kind]);
      } catch (error) {
        this.#parts.trouble(error instanceof Error ? error.message : String(error));
        if (!(error instanceof DatabaseUnavailable)) this.#parts.failed(error);
        await this.#sleep(Math.min(LOST_MS.most, LOST_MS.first * 2 ** lost++));
      }
    }
  }

  async #take(ground: Ground): Promise<boolean> {
    let took = false;
    for (const queue of ["finish", "chunks"] as const) {
      const free = this.#parts.slots - this.#taken.size;
      if (free <= 0) break;
      for (const { id, data } of await ground.jobs.fetch(queue, free)) {
        took = true;
        const taken: Taken = { queue, id, data: data as ChunkData, stop: new AbortController() };
        this.#taken.set(id, taken);
        const work = this.#work(ground, taken).finally(() => {
          this.#taken.delete(id);
          this.#working.delete(work);
          this.wake();
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
      for (const queue of ["finish", "chunks"] as const) {
        const ids = [...this.#taken.values()].filter((taken) => taken.queue === queue).map(({ id }) => id);
        if (ids.length > 0) await jobs.touch(queue, ids);
      }
    } catch {
      // Lost: others may compute the same, and whoever writes first has written it.
    }
  }

  /** One job to its end. Never throws. */
  async #work(ground: Ground, taken: Taken): Promise<void> {
    const { failed, keeper } = this.#parts;
    try {
      if (taken.queue === "finish") await this.#patiently(() => keeper.finish(ground, taken.data.experiment, taken.id));
      else await this.#chunk(ground, taken);
    } catch (error) {
      if (taken.stop.signal.aborted) return this.#giveBack(ground, taken);
      if (!(error instanceof Problem)) failed(error);
      const problem = Problem.from(error);
      await this.#patiently(async () => {
        await keeper.fail(ground, taken.data.experiment, problem);
        await ground.jobs.complete(ground.db, taken.queue, taken.id);
      }).catch(failed);
    }
  }

  async #chunk(ground: Ground, taken: Taken): Promise<void> {
    const { data, id, stop } = taken;
    const begun = await this.#patiently(() => this.#begin(ground, data));
    if (!begun) return this.#patiently(() => ground.jobs.complete(ground.db, "chunks", id));
    const started = performance.now();
    const { units, input } = unpack<StoredInput>(begun.input);
    const output = await this.#parts.computer.compute(begun.experiment.spec, input, stop.signal);
    const ms = performance.now() - started;
    if (stop.signal.aborted) throw new Problem("cancelled", "The chunk was given up.");
    const after = await this.#patiently(() =>
      ground.db.transaction(async (tx) => {
        const { written, experiment } = await writeOutput(tx, data.experiment, data.chunk, output, { units, ms });
        await ground.jobs.complete(tx, "chunks", id);
        if (written && experiment && experiment.done >= experiment.total)
          await this.#parts.keeper.askToFinish(ground, tx, experiment);
        return written ? experiment : null;
      }),
    );
    // Nothing hangs on it: the next chunk tells again.
    if (after)
      await this.#parts.keeper.tell(ground, after).catch((error: unknown) => {
        if (!(error instanceof DatabaseUnavailable)) this.#parts.failed(error);
      });
  }

  /** The experiment and the input, where there is something to compute. */
  async #begin(
    { db }: Ground,
    { experiment: id, chunk }: ChunkData,
  ): Promise<{ experiment: StoredExperiment; input: Uint8Array } | null> {
    const experiment = await findExperiment(db, id);
    if (!experiment || (experiment.state !== "queued" && experiment.state !== "running")) return null;
    const found = await findChunk(db, id, chunk);
    if (!found || found.finished) return null;
    if (experiment.state === "queued") await this.#parts.keeper.began(db, id);
    return { experiment, input: found.input };
  }

  /** Again and again while the database is lost: what was computed is not thrown away. */
  async #patiently<T>(act: () => Promise<T>): Promise<T> {
    for (let lost = 0; ; lost++) {
      try {
        const done = await act();
        if (lost > 0) this.#parts.trouble(null);
        return done;
      } catch (error) {
        if (!(error instanceof DatabaseUnavailable) || this.#closed) throw error;
        this.#parts.trouble(error.message);
        await new Promise((resolve) => setTimeout(resolve, Math.min(LOST_MS.most, LOST_MS.first * 2 ** lost)));
      }
    }
  }

  async #giveBack({ jobs }: Ground, { queue, id }: Taken): Promise<void> {
    // Of an experiment that was cancelled the job is gone already.
    await jobs.retry(queue, id).catch(() => {});
  }
}
