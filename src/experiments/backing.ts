/** What experiments stand on: the database and its queues, opened at first need, and word of what happens in them. */
import type { Database } from "../store/database.ts";
import type { Jobs } from "../store/jobs.ts";
import type { Store } from "../store/store.ts";
import { EVENTS_CHANNEL, STOP_CHANNEL } from "./repository.ts";

export interface Ground {
  readonly db: Database;
  readonly jobs: Jobs;
}

export interface BackingParts {
  readonly store: Store;
  readonly openJobs: (db: Database) => Promise<Jobs>;
  /** An experiment has new events; null: perhaps any. */
  readonly told: (id: string | null) => void;
  /** Whoever computes for an experiment gives up. */
  readonly stopped: (id: string) => void;
  /** Called once, when everything is there, before anybody gets it. */
  readonly opened: (ground: Ground) => Promise<void>;
}

export class Backing {
  readonly #parts: BackingParts;
  #ground: Promise<Ground> | null = null;

  constructor(parts: BackingParts) {
    this.#parts = parts;
  }

  /** Throws `DatabaseUnavailable`; the next call tries again. */
  async open(): Promise<Ground> {
    const opening = this.#ground ?? this.#start();
    this.#ground = opening;
    try {
      return await opening;
    } catch (error) {
      if (this.#ground === opening) this.#ground = null;
      throw error;
    }
  }

  async close(): Promise<void> {
    const ground = await this.#ground?.catch(() => null);
    await ground?.jobs.stop();
  }

  async #start(): Promise<Ground> {
    const { store, openJobs, told, stopped, opened } = this.#parts;
    const db = await store.database();
    const undo: (() => Promise<void>)[] = [];
    try {
      const jobs = await openJobs(db);
      undo.push(() => jobs.stop());
      undo.push(
        await db.listen(
          EVENTS_CHANNEL,
          (id) => told(id),
          () => told(null),
        ),
      );
      // One that was stopped while nobody listened is found out when its output is to be written.
      undo.push(
        await db.listen(
          STOP_CHANNEL,
          (id) => stopped(id),
          () => {},
        ),
      );
      await opened({ db, jobs });
      return { db, jobs };
    } catch (error) {
      for (const each of undo) await each().catch(() => {});
      throw error;
    }
  }
}
