/**
 * Queues of jobs in the database (pg-boss). A job is put into a queue, and taken from it, in the transaction that its work is
 * part of; one whose worker dies is given to another when its heartbeat has run out.
 */
import type { Db, PgBoss, QueueOptions } from "pg-boss";
import { type Database, DatabaseUnavailable, type Queryable } from "./database.ts";

/** `chunks`: to compute; `finish`: an experiment of which all chunks are there. */
export const QUEUES = ["chunks", "finish"] as const;
export type QueueName = (typeof QUEUES)[number];

export interface NewJob {
  /** A UUID. */
  readonly id: string;
  /** Anything that JSON can hold. */
  readonly data: object;
}

export interface Job {
  readonly id: string;
  readonly data: unknown;
}

export interface JobsOptions {
  /** There may be jobs to fetch: called when some were put into a queue, by any replica, or given back. null: in any queue. */
  readonly available: (queue: QueueName | null) => void;
  /** Something is wrong with the queues' upkeep, which nobody asked for. */
  readonly failed: (error: unknown) => void;
}

/** A job's sign of life is good for so long: the least that pg-boss knows. */
export const HEARTBEAT_SECONDS = 10;

const DAY_SECONDS = 86_400;
const QUEUE: QueueOptions = {
  heartbeatSeconds: HEARTBEAT_SECONDS,
  // As often as its workers die: it is nobody's fault but theirs.
  retryLimit: 1_000_000,
  // A job lives as long as there are signs of life, and waits as long as its experiment does.
  expireInSeconds: DAY_SECONDS,
  retentionSeconds: 50 * 365 * DAY_SECONDS,
};

/** Of pg-boss' tables: beside ours, and not those of another application in the same database. */
const SCHEMA = "stratascope_jobs";
/** NOTIFY: there are jobs in a queue (its name). */
const CHANNEL = "stratascope_jobs";
/** Jobs of one INSERT. */
const JOBS_PER_INSERT = 2000;
/**
 * How often jobs are looked for whose heartbeat has run out: one replica does it for all. Where there is only one process it
 * would find none: what that had in hand when it died is queued again when it starts.
 */
const WATCH_SECONDS = { embedded: DAY_SECONDS, postgres: 5 } as const;

/** pg-boss' timers keep no process from ending. */
const CLOCK = {
  now: () => Date.now(),
  setTimeout: (act: () => void, ms: number) => unref(setTimeout(act, ms)),
  clearTimeout: (timer: unknown) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  setInterval: (act: () => void, ms: number) => unref(setInterval(act, ms)),
  clearInterval: (timer: unknown) => clearInterval(timer as ReturnType<typeof setInterval>),
};

/** The queues of a database, made if they are not there. Throws `DatabaseUnavailable`. */
export async function openJobs(db: Database, options: JobsOptions): Promise<Jobs> {
  const { PgBoss } = await import("pg-boss");
  const watch = WATCH_SECONDS[db.kind];
  const boss = new PgBoss({
    ...{ db: executing(db), backend: db.kind === "embedded" ? "pglite" : "postgres", schema: SCHEMA, clock: CLOCK },
    ...{ superviseIntervalSeconds: watch, monitorIntervalSeconds: watch, queueCacheIntervalSeconds: DAY_SECONDS },
    // What we do without: its own schedules, dependencies between jobs, a register of processes, and care for big tables,
    // since no job stays in them when it is done.
    ...{ schedule: false, registerInstance: false, reindex: false, monitorVacuum: false, persistWarnings: false },
    ...{ flowIntervalSeconds: DAY_SECONDS, bamIntervalSeconds: DAY_SECONDS },
  });
  const jobs = new Jobs(db, boss, options);
  await jobs.start();
  return jobs;
}

export class Jobs {
  readonly #db: Database;
  readonly #boss: PgBoss;
  readonly #options: JobsOptions;
  #stopListening: (() => Promise<void>) | null = null;

  /** For `openJobs`. */
  constructor(db: Database, boss: PgBoss, options: JobsOptions) {
    this.#db = db;
    this.#boss = boss;
    this.#options = options;
  }

  /** For `openJobs`. */
  async start(): Promise<void> {
    const { available, failed } = this.#options;
    this.#boss.on("error", (error) => {
      // Whoever wants something of it finds out, and says so.
      if (!(error instanceof DatabaseUnavailable)) failed(error);
    });
    try {
      await this.#makeSchema();
      await this.#boss.start();
      const known = new Map((await this.#boss.getQueues()).map((queue) => [queue.name, queue]));
      for (const name of QUEUES) {
        const queue = known.get(name);
        if (!queue) await this.#boss.createQueue(name, QUEUE);
        else if (Object.entries(QUEUE).some(([option, value]) => queue[option as keyof typeof queue] !== value))
          await this.#boss.updateQueue(name, QUEUE);
      }
      this.#stopListening = await this.#db.listen(
        CHANNEL,
        (queue) => available(queue as QueueName),
        () => available(null),
      );
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * pg-boss makes its schema if it does not exist, which fails for one of two replicas that find so at the same time: here
   * they go one after the other.
   */
  async #makeSchema(): Promise<void> {
    await this.#db.transaction(async (tx) => {
      await tx.query("SELECT pg_advisory_xact_lock(hashtext($1))", [SCHEMA]);
      const there = await tx.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [SCHEMA]);
      if (there.length === 0) await tx.query(`CREATE SCHEMA ${SCHEMA}`);
    });
  }

  async stop(): Promise<void> {
    await this.#stopListening?.().catch(() => {});
    this.#stopListening = null;
    await this.#boss.stop({ graceful: false, close: false });
  }

  /** Puts jobs into a queue, and says so, when the transaction commits. Those with an id that is there already are left out. */
  async enqueue(tx: Queryable, queue: QueueName, jobs: readonly NewJob[]): Promise<void> {
    const db = executing(tx);
    for (let from = 0; from < jobs.length; from += JOBS_PER_INSERT) {
      const some = jobs.slice(from, from + JOBS_PER_INSERT);
      await this.#boss.insert(
        queue,
        some.map(({ id, data }) => ({ id, data })),
        { db },
      );
    }
    if (jobs.length > 0) await tx.query("SELECT pg_notify($1, $2)", [CHANNEL, queue]);
  }

  /** At most `n` jobs, the oldest first, for this process alone until they are ended, given back, or their heartbeat runs out. */
  async fetch(queue: QueueName, n: number): Promise<Job[]> {
    const fetched = await this.#boss.fetch(queue, { batchSize: n });
    return fetched.map(({ id, data }) => ({ id, data }));
  }

  /** Ends a job, whoever has it: what it was for is done, in the same transaction. Nothing happens where there is none. */
  complete(tx: Queryable, queue: QueueName, id: string): Promise<void> {
    return this.drop(tx, queue, [id]);
  }

  /** Gives a job back that was fetched: it can be fetched again at once. */
  async retry(queue: QueueName, id: string): Promise<void> {
    await this.#boss.fail(queue, id);
    await this.#db.query("SELECT pg_notify($1, $2)", [CHANNEL, queue]);
  }

  /** A sign of life of the jobs' worker. */
  async touch(queue: QueueName, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#boss.touch(queue, [...ids]);
  }

  /** Removes jobs, waiting or not. */
  async drop(tx: Queryable, queue: QueueName, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#boss.deleteJob(queue, [...ids], { db: executing(tx) });
  }
}

/** A database or a transaction, as pg-boss wants it. */
function executing(on: Queryable): Db {
  return { executeSql: async (text, values) => ({ rows: await on.query(text, values) }) };
}

function unref<T extends ReturnType<typeof setTimeout>>(timer: T): T {
  timer.unref?.();
  return timer;
}
