/**
 * The service's database: opened at first need, brought up to date, shared by all who ask, and opened again after it was
 * lost. Nothing of it is loaded before: neither PGlite nor `pg`.
 */
import type { Log } from "../log.ts";
import { type Database, DatabaseUnavailable, type OpenedDatabase } from "./database.ts";

export interface StoreOptions {
  /** A PostgreSQL server that replicas share; null: an embedded database in `folder`. */
  readonly databaseUrl: string | null;
  readonly folder: string;
  readonly log: Log;
}

export interface StoreStatus {
  readonly kind: Database["kind"];
  readonly state: "closed" | "opening" | "open" | "lost";
  /** Why it is lost; null where it is not. */
  readonly detail: string | null;
}

/** Between tries to open it: the first, and each one after a failure takes twice as long. */
const RETRY_MS = { first: 250, most: 15_000 } as const;

/** Needs some room on the disk, and leaves nothing there. */
const PROBE = "CREATE TEMPORARY TABLE stratascope_probe ON COMMIT DROP AS SELECT generate_series(1, 10000) AS n";

interface Ear {
  readonly channel: string;
  readonly heard: (payload: string) => void;
  readonly gap: () => void;
  /** Stops the opened database from calling it. */
  stop: () => Promise<void>;
}

export class Store {
  readonly kind: Database["kind"];
  readonly #options: StoreOptions;
  readonly #ears = new Set<Ear>();
  readonly #shared: Database;
  #opened: OpenedDatabase | null = null;
  #opening: Promise<OpenedDatabase> | null = null;
  /** What was thrown last, until something can be written again. */
  #lost: DatabaseUnavailable | null = null;
  #failures = 0;
  #nextTry = 0;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #probing: Promise<void> | null = null;
  #closed = false;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.kind = options.databaseUrl === null ? "embedded" : "postgres";
    this.#shared = {
      kind: this.kind,
      query: (sql, values) => this.#use((db) => db.query(sql, values)),
      transaction: (work) => this.#use((db) => db.transaction(work)),
      listen: (channel, heard, gap) => this.#listen(channel, heard, gap),
      close: () => this.close(),
    };
  }

  /**
   * The database, open and up to date: the same for all, and as good after it was lost and found again. Throws
   * `DatabaseUnavailable`, at once while it is too early for another try.
   */
  async database(): Promise<Database> {
    await this.#open();
    return this.#shared;
  }

  /** Makes sure, when the service starts, that a server can be reached. An embedded database is left for later. Throws `DatabaseUnavailable`. */
  async verify(): Promise<void> {
    if (this.kind === "postgres") await this.database();
  }

  status(): StoreStatus {
    const state = this.#lost ? "lost" : this.#opened ? "open" : this.#opening ? "opening" : "closed";
    return { kind: this.kind, state, detail: this.#lost?.message ?? null };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#ears.clear();
    if (this.#retry) clearTimeout(this.#retry);
    await this.#opening?.catch(() => {});
    await this.#opened?.close();
    this.#opened = null;
    this.#lost = null;
  }

  async #use<T>(act: (db: OpenedDatabase) => Promise<T>): Promise<T> {
    const db = await this.#open();
    try {
      const done = await act(db);
      if (this.#lost) void this.#probe();
      return done;
    } catch (error) {
      if (error instanceof DatabaseUnavailable) this.#lose(error);
      throw error;
    }
  }

  async #open(): Promise<OpenedDatabase> {
    if (this.#closed) throw new DatabaseUnavailable("The database was closed: the service ends.");
    if (this.#opened?.usable) return this.#opened;
    if (!this.#opening) {
      if (this.#lost && performance.now() < this.#nextTry) throw this.#lost;
      this.#opening = this.#start().finally(() => (this.#opening = null));
    }
    return this.#opening;
  }

  async #start(): Promise<OpenedDatabase> {
    const { log } = this.#options;
    const started = performance.now();
    try {
      // One that is of no use any more still has its folder's lock.
      await this.#opened?.close();
      this.#opened = null;
      const db = await this.#connect();
      this.#opened = db;
      const { kind } = this;
      log.info("the database is open", { kind, ms: Math.round(performance.now() - started) });
      if (this.#lost) void this.#probe();
      await this.#hearAgain(db);
      return db;
    } catch (error) {
      const lost = error instanceof DatabaseUnavailable ? error : notUpToDate(error);
      this.#lose(lost);
      throw lost;
    }
  }

  async #connect(): Promise<OpenedDatabase> {
    const { databaseUrl, folder } = this.#options;
    const db =
      databaseUrl === null
        ? await (await import("./pglite.ts")).openEmbedded(folder)
        : await (await import("./postgres.ts")).openPostgres(databaseUrl);
    try {
      const { migrate } = await import("./migrations.ts");
      await migrate(db);
      return db;
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  #lose(error: DatabaseUnavailable): void {
    if (this.#closed) return;
    if (!this.#lost) this.#options.log.warn("the database is lost", { reason: error.message });
    this.#lost = error;
    if (this.#retry) return;
    const ms = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** this.#failures++);
    this.#nextTry = performance.now() + ms;
    // Whoever listens asks for nothing and waits to be told, and whoever asks for the status is to get what is so now.
    this.#retry = setTimeout(() => {
      this.#retry = null;
      if (this.#lost) void this.#probe();
    }, ms);
    this.#retry.unref?.();
  }

  /** Whether it can be written to again: one whose disk is full answers what is only read. */
  #probe(): Promise<void> {
    this.#probing ??= this.#tryToWrite().finally(() => (this.#probing = null));
    return this.#probing;
  }

  async #tryToWrite(): Promise<void> {
    try {
      const db = await this.#open();
      await db.transaction((tx) => tx.query(PROBE));
      this.#found();
    } catch (error) {
      // One that refuses it is there.
      if (error instanceof DatabaseUnavailable) this.#lose(error);
      else this.#found();
    }
  }

  #found(): void {
    if (this.#lost) this.#options.log.info("the database is there again", {});
    this.#lost = null;
    this.#failures = 0;
  }

  async #listen(channel: string, heard: Ear["heard"], gap: Ear["gap"]): Promise<() => Promise<void>> {
    const stop = await this.#use((db) => db.listen(channel, heard, gap));
    const ear: Ear = { channel, heard, gap, stop };
    this.#ears.add(ear);
    return async () => {
      this.#ears.delete(ear);
      await ear.stop();
    };
  }

  /** Those who listened to a database that is no more listen to this one, and are told that they may have missed something. */
  async #hearAgain(db: OpenedDatabase): Promise<void> {
    for (const ear of [...this.#ears]) {
      ear.stop = await db.listen(ear.channel, ear.heard, ear.gap);
      ear.gap();
    }
  }
}

function notUpToDate(error: unknown): DatabaseUnavailable {
  const reason = error instanceof Error ? error.message : String(error);
  return new DatabaseUnavailable(`The database cannot be brought up to date: ${reason}`, { cause: error });
}
