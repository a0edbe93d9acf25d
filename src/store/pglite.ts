/**
 * A PostgreSQL in this process (PGlite), its files in a folder that nobody else uses. What was committed is on the disk, and a
 * process that was killed costs what was not: PostgreSQL's write-ahead log, which it replays when it is opened again.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { type DataLock, lockFolder } from "./data-lock.ts";
import { DatabaseUnavailable, type OpenedDatabase, type Queryable } from "./database.ts";
import { DurableFiles } from "./pglite-files.ts";
import { Wire } from "./pglite-wire.ts";
import { run, transact } from "./statements.ts";
import { syncTree } from "./sync.ts";
import { unpackTemplate } from "./template.ts";
import { Turns } from "./turns.ts";

/** The major version of PostgreSQL that this PGlite is: what a folder has to be of. */
const POSTGRES_VERSION = "18";
/**
 * How the server starts: as PGlite starts it, but with its log brought to the disk at each commit (-F switches that off), and
 * with little memory, which a process has for good once it was used.
 */
const SETTINGS = ["wal_sync_method=fsync", "shared_buffers=16MB", "min_wal_size=32MB", "jit=off"];
const START = [...PGlite.defaultStartParams.filter((each) => each !== "-F"), ...SETTINGS.flatMap((each) => ["-c", each])];
/**
 * The write-ahead log grows, and with it the time that a start takes after a kill, until there is a checkpoint, and dead rows
 * stay until there is a VACUUM. A server has processes for both; here it is done between two transactions.
 */
const TIDY_BYTES = 64 * 2 ** 20;
/** As of autovacuum: a table is looked through when so many of its rows, and such a part of them, are dead. */
const DEAD = { rows: 1000, share: 0.2 } as const;

/** In a control file (pg_control.h): where the state is, and what it is after an orderly end (DB_SHUTDOWNED). */
const CONTROL_STATE = 16;
const SHUT_DOWN = 1;

/** Status of the exception by which PGlite leaves a statement that failed (POSTGRES_MAIN_LONGJMP). */
const STATEMENT_FAILED = 100;

/**
 * Opens the database of a folder, which is made if it does not exist. It keeps its process from ending until it is closed. Throws `DatabaseUnavailable`: `FolderInUse` when another
 * process has it, when it is of another version of PostgreSQL, or when the disk is full or fails.
 */
export async function openEmbedded(folder: string): Promise<OpenedDatabase> {
  const embedded = new Embedded(folder);
  await embedded.open();
  return embedded;
}

class Embedded implements OpenedDatabase {
  readonly kind = "embedded";
  readonly #folder: string;
  readonly #place: string;
  readonly #turns = new Turns();
  #lock: DataLock | null = null;
  #files: DurableFiles | null = null;
  #lite: PGlite | null = null;
  #client: pg.Client | null = null;
  /** Why it will never answer again. */
  #broken: Error | null = null;
  #closing: Promise<void> | null = null;

  constructor(folder: string) {
    this.#folder = folder;
    this.#place = `The database in ${folder}`;
  }

  get usable(): boolean {
    return this.#broken === null;
  }

  async open(): Promise<void> {
    try {
      this.#lock = await lockFolder(this.#folder, () => this.#break(new Error("another process took the folder")));
      if (!existsSync(join(this.#folder, "PG_VERSION"))) await unpackTemplate(this.#folder);
      await this.#checkVersion();
      if (!(await wasShutDown(this.#folder))) await syncTree(this.#folder);
      await this.#start();
    } catch (error) {
      this.#break(error as Error);
      await this.#lock?.release().catch(() => {});
      throw this.#unavailable(error);
    }
  }

  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]> {
    return this.#take(async (client) => {
      try {
        return await run<Row>(client, this.#place, sql, values);
      } catch (error) {
        // Of several statements, one may have begun a transaction before another failed.
        if (!values?.length && this.usable) await client.query("ROLLBACK");
        throw error;
      }
    });
  }

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#take((client) => transact(client, this.#place, work));
  }

  /** Of this connection everything is heard, and nothing is missed while it lasts. */
  async listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>> {
    const name = `"${channel.replaceAll('"', '""')}"`;
    const onNotification = (told: pg.Notification) => told.channel === channel && heard(told.payload ?? "");
    await this.query(`LISTEN ${name}`);
    this.#client?.on("notification", onNotification);
    return async () => {
      this.#client?.off("notification", onNotification);
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#turns.take(async () => {
      if (this.usable) await this.#stop();
      this.#break(new Error("it was closed"));
      await this.#lock?.release();
    });
    return this.#closing;
  }

  async #checkVersion(): Promise<void> {
    const version = (await readFile(join(this.#folder, "PG_VERSION"), "utf8")).trim();
    if (version !== POSTGRES_VERSION)
      throw new Error(`it was made by PostgreSQL ${version}, and this version of the service has ${POSTGRES_VERSION}`);
  }

  async #start(): Promise<void> {
    const files = new DurableFiles(this.#folder);
    this.#files = files;
    const lite = await startEngine(files);
    this.#lite = lite;
    const engine = lite.Module;
    const once = engine._PostgresMainLoopOnce;
    engine._PostgresMainLoopOnce = () => {
      try {
        once();
      } catch (error) {
        // PGlite swallows it. A PANIC is one: the log could not be written.
        if ((error as { status?: unknown }).status !== STATEMENT_FAILED) this.#break(error as Error);
        throw error;
      }
    };
    const client = new pg.Client({ stream: () => new Wire(lite, () => this.#broken), user: "postgres", database: "postgres" });
    client.on("error", (error) => this.#break(error));
    await client.connect();
    this.#client = client;
  }

  /** With a checkpoint, so that the next start has nothing to replay. */
  async #stop(): Promise<void> {
    try {
      await this.#client?.end();
      await keepingExitCode(async () => this.#lite?.close());
    } catch {
      // As after a kill.
    }
  }

  /** From now on nothing is asked of it and nothing written by it: on the disk it is as if this process had been killed. */
  #break(reason: Error): void {
    if (this.#broken) return;
    this.#broken = reason;
    this.#files?.abandon();
  }

  async #take<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
    const done = await this.#turns.take(async () => {
      const client = this.#client;
      if (this.#broken || !client) throw this.#unavailable(this.#broken);
      try {
        return await use(client);
      } catch (error) {
        // What the database said before it ended is more than that it has aborted.
        if (!this.usable && error instanceof DatabaseUnavailable) this.#broken = error;
        throw error;
      }
    });
    if ((this.#files?.walBytes ?? 0) > TIDY_BYTES) this.#tidy();
    return done;
  }

  #tidy(): void {
    if (this.#files) this.#files.walBytes = 0;
    const ask = (sql: string) =>
      this.#turns.take(async () => (this.#client && this.usable ? run<{ name: string }>(this.#client, this.#place, sql) : []));
    const tidied = async () => {
      await ask("CHECKPOINT");
      const dead = await ask(
        `SELECT relid::regclass::text AS name FROM pg_stat_all_tables WHERE n_dead_tup > ${DEAD.rows} + ${DEAD.share} * n_live_tup`,
      );
      for (const { name } of dead) await ask(`VACUUM (ANALYZE) ${name}`);
    };
    // What is wrong with the disk is told to the next who asks something.
    void tidied().catch(() => {});
  }

  #unavailable(error: unknown): DatabaseUnavailable {
    if (error instanceof DatabaseUnavailable) return error;
    const reason = error instanceof Error ? error.message : "it was not opened";
    return new DatabaseUnavailable(`${this.#place} cannot be used: ${reason}`, { cause: error });
  }
}

/** PGlite over some files. Throws with what PostgreSQL says about why it does not start. */
async function startEngine(files: DurableFiles): Promise<PGlite> {
  let fatal: string | undefined;
  const onStderr = (line: string) => {
    fatal = /(?:FATAL|PANIC): +(.*)/.exec(line)?.[1] ?? fatal;
    return false;
  };
  try {
    return await keepingExitCode(() => PGlite.create({ fs: files, startParams: START, onStderr }));
  } catch (error) {
    throw fatal === undefined ? error : new Error(fatal, { cause: error });
  }
}

/**
 * Whether the folder was closed, as its control file says. If not, PostgreSQL replays its log, and before that everything has to
 * be on the disk: it would take seconds to see to it, in which this process could do nothing else.
 */
async function wasShutDown(folder: string): Promise<boolean> {
  const control = await readFile(join(folder, "global", "pg_control"));
  return control.readUInt32LE(CONTROL_STATE) === SHUT_DOWN;
}

/** Emscripten sets this process's exit code when its program ends. */
async function keepingExitCode<T>(act: () => Promise<T>): Promise<T> {
  const { exitCode } = process;
  try {
    return await act();
  } finally {
    process.exitCode = exitCode;
  }
}
