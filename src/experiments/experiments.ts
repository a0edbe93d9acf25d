/** All experiments: started, looked at, followed, cancelled, resumed; whoever computes them, on whichever replica. */
import { LRUCache } from "lru-cache";
import { Problem } from "../problem.ts";
import { problemDocument } from "../problem-document.ts";
import type { Follower } from "../runs/active-run.ts";
import { newRunId } from "../runs/run-id.ts";
import type { Experiment, ExperimentList, ExperimentListQuery, ExperimentState } from "../schemas/experiments/experiment.ts";
import type { ExperimentRequest } from "../schemas/experiments/request.ts";
import { DatabaseUnavailable, type Queryable } from "../store/database.ts";
import type { Backing, Ground } from "./backing.ts";
import { describe } from "./describe.ts";
import type { Followers } from "./followers.ts";
import { appendState, decodeResult, type Keeper } from "./keeper.ts";
import type { FinishedChunk } from "./kind.ts";
import { unpack } from "./pack.ts";
import { type PlannedExperiment, type PlanningParts, planExperiment, requestHash } from "./planning.ts";
import { queueChunks, queueRest, UNFINISHED } from "./queueing.ts";
import {
  changeState,
  chunkJobs,
  deleteExperiment,
  findByKey,
  findExperiment,
  insertChunks,
  insertExperiment,
  listExperiments,
  lockExperiment,
  readOutputs,
  readResult,
  type StoredExperiment,
} from "./repository.ts";
import type { ExperimentResult } from "./result.ts";
import type { StoredInput } from "./tally.ts";

export interface ExperimentsParts {
  readonly backing: Backing;
  readonly keeper: Keeper;
  readonly followers: Followers;
  readonly planning: PlanningParts;
  /** What keeps this replica from going on; null: nothing. */
  readonly trouble: () => string | null;
  /** An experiment has ended. */
  readonly ended: () => void;
  /** Does what makes an experiment one that has not ended: what a restart must look for. */
  readonly starting: <T>(start: () => Promise<T>) => Promise<T>;
}

/** States that go on, which are `paused` while there is trouble. */
const GOING: readonly ExperimentState[] = ["queued", "running"];
/** Experiments of which is remembered how they were, for when the database cannot be asked. */
const MAX_REMEMBERED = 500;
/** Chunks that are read at a time. */
const CHUNKS_AT_ONCE = 8;

export interface Started {
  readonly experiment: Experiment;
  /** False: the idempotency key had started it before. */
  readonly created: boolean;
}

export class Experiments {
  readonly #parts: ExperimentsParts;
  readonly #remembered = new LRUCache<string, StoredExperiment>({ max: MAX_REMEMBERED });

  constructor(parts: ExperimentsParts) {
    this.#parts = parts;
  }

  /**
   * Plans and queues an experiment. With an idempotency key that has been used: the experiment of then, or `invalid_request`
   * where the request was another. Throws what planning refuses.
   */
  async start(request: ExperimentRequest, key: string | null): Promise<Started> {
    const hash = requestHash(request);
    if (key !== null) {
      const known = await findByKey((await this.#open()).db, key);
      if (known) return { experiment: this.#sameRequest(known, hash, key), created: false };
    }
    const planned = await planExperiment(request, this.#parts.planning);
    const ground = await this.#open();
    const stored = await this.#parts.starting(() => this.#insert(ground, planned, key, hash));
    if (stored) return { experiment: this.#shown(stored), created: true };
    // Somebody was faster with the same key.
    const known = await findByKey(ground.db, key ?? "");
    if (!known) throw new Problem("conflict", "The experiment of this idempotency key was removed just now; try again.");
    return { experiment: this.#sameRequest(known, hash, key ?? ""), created: false };
  }

  /** While the database is lost, one that goes on is shown as it was last seen, paused for that reason. Throws `not_found`. */
  async get(id: string): Promise<Experiment> {
    try {
      return this.#shown(await this.#find((await this.#open()).db, id));
    } catch (error) {
      const seen = this.#remembered.get(id);
      if (!(error instanceof DatabaseUnavailable) || !seen || !GOING.includes(seen.state)) throw error;
      return describe(seen, error.message);
    }
  }

  async list({ limit, cursor, model, kind, state }: ExperimentListQuery): Promise<ExperimentList> {
    const { db } = await this.#open();
    const paused = this.#parts.trouble() !== null;
    const states = state && (!paused ? [state] : state === "paused" ? UNFINISHED : GOING.includes(state) ? [] : [state]);
    const found = await listExperiments(db, { limit: limit + 1, cursor, model, kind, states });
    const page = found.slice(0, limit);
    return { experiments: page.map((each) => this.#shown(each)), next: found.length > limit ? (page.at(-1)?.id ?? null) : null };
  }

  /** The result. Throws `not_found`, or `conflict` while there is none. */
  async result(id: string): Promise<ExperimentResult> {
    const { db } = await this.#open();
    const stored = await this.#find(db, id);
    const bytes = await readResult(db, id);
    if (bytes) return decodeResult(bytes);
    const { done, total, state, error } = stored;
    const why = state === "failed" || state === "cancelled" ? `: ${error?.detail ?? state}` : "";
    throw new Problem(
      "conflict",
      `The experiment is ${this.#shown(stored).state} at ${done} of ${total}${why}; its result is there when it is completed.`,
    );
  }

  /** The chunks of a completed experiment, in order. Throws like `result`. */
  async *chunks(id: string): AsyncGenerator<FinishedChunk<unknown, unknown>, void, void> {
    await this.result(id);
    const { db } = await this.#open();
    for (let from = 0; ; ) {
      const found = await readOutputs(db, id, from, CHUNKS_AT_ONCE);
      if (found.length === 0) return;
      for (const { chunk, input, output } of found)
        yield { chunk, input: unpack<StoredInput>(input).input, output: unpack(output) };
      from += found.length;
    }
  }

  /** One chunk, as soon as it is there; null: not yet, or there is no such chunk. */
  async chunk(id: string, chunk: number): Promise<FinishedChunk<unknown, unknown> | null> {
    const { db } = await this.#open();
    await this.#find(db, id);
    const [found] = await readOutputs(db, id, chunk, 1);
    return found ? { chunk, input: unpack<StoredInput>(found.input).input, output: unpack(found.output) } : null;
  }

  /** How many chunks there are, and which of them are finished. Throws `not_found`. */
  async countChunks(id: string): Promise<{ readonly count: number; readonly finished: ReadonlySet<number> }> {
    const { db } = await this.#open();
    await this.#find(db, id);
    const all = await chunkJobs(db, id, false);
    const left = new Set((await chunkJobs(db, id, true)).map(({ chunk }) => chunk));
    const finished = all.map(({ chunk }) => chunk).filter((chunk) => !left.has(chunk));
    return { count: all.length, finished: new Set(finished) };
  }

  /** The study of an experiment. Throws `not_found`. */
  async study(id: string): Promise<StoredExperiment["spec"]> {
    return (await this.#find((await this.#open()).db, id)).spec;
  }

  /** The events after `after`, and those to come. Throws `not_found`. */
  async follow(id: string, after: number): Promise<Follower> {
    const { db } = await this.#open();
    await this.#find(db, id);
    return this.#parts.followers.follow(db, id, after);
  }

  /**
   * Cancels what has not ended, or removes what has (null). One that ends just before it would have been cancelled stays, so
   * that nobody loses a result that they have not seen. Throws `not_found`.
   */
  async remove(id: string): Promise<Experiment | null> {
    const ground = await this.#open();
    const { db } = ground;
    const before = await this.#find(db, id);
    if (UNFINISHED.includes(before.state)) {
      const problem = problemDocument(new Problem("cancelled", "The experiment was cancelled.").data);
      await db.transaction(async (tx) => {
        await lockExperiment(tx, id);
        const stored = await changeState(tx, id, UNFINISHED, { state: "cancelled", error: problem });
        if (stored) await this.#parts.keeper.appendEnd(ground, tx, stored);
      });
      this.#parts.keeper.forget(id);
      this.#parts.ended();
      return this.get(id);
    }
    await deleteExperiment(db, id);
    this.#remembered.delete(id);
    return null;
  }

  /** Queues what is left of an experiment that failed or was cancelled. Throws `not_found`, or `conflict` for any other. */
  async resume(id: string): Promise<Experiment> {
    const ground = await this.#open();
    const before = await this.#find(ground.db, id);
    const resumed = await this.#parts.starting(() =>
      ground.db.transaction(async (tx) => {
        await lockExperiment(tx, id);
        const stored = await changeState(tx, id, ["failed", "cancelled"], { state: "queued" });
        if (stored) {
          await queueRest(ground, tx, id, new Set());
          await appendState(tx, stored);
        }
        // With that event.
        return stored && { ...stored, events: stored.events + 1 };
      }),
    );
    if (!resumed)
      throw new Problem("conflict", `The experiment is ${before.state}; only what failed or was cancelled can be resumed.`);
    return this.#shown(resumed);
  }

  async #insert(ground: Ground, planned: PlannedExperiment, key: string | null, hash: string): Promise<StoredExperiment | null> {
    const { db } = ground;
    const { study, total, inputs } = planned;
    const id = newRunId();
    await db.transaction(async (tx) => {
      const stored = await insertExperiment(tx, { id, study, total, idempotencyKey: key, requestHash: hash });
      if (!stored) return;
      const chunks = await insertChunks(tx, id, inputs);
      await queueChunks(ground, tx, id, chunks);
      await appendState(tx, stored);
    });
    return findExperiment(db, id);
  }

  #sameRequest(known: StoredExperiment, hash: string, key: string): Experiment {
    if (known.request_hash === hash) return this.#shown(known);
    const detail = `Idempotency-Key ${JSON.stringify(key)} was used for another request, which started experiment ${known.id}.`;
    throw new Problem("invalid_request", detail, [{ pointer: "Idempotency-Key", detail }]);
  }

  async #find(db: Queryable, id: string): Promise<StoredExperiment> {
    const stored = await findExperiment(db, id);
    if (stored) return stored;
    throw new Problem("not_found", `There is no experiment ${JSON.stringify(id.slice(0, 100))}. It may have been removed.`);
  }

  #shown(stored: StoredExperiment): Experiment {
    this.#remembered.set(stored.id, stored);
    return describe(stored, this.#parts.trouble());
  }

  #open(): Promise<Ground> {
    return this.#parts.backing.open();
  }
}
