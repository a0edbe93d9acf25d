/**
 * Logs as rows of a database that replicas share: any of them can read any log, also while another one writes it. A
 * replica's heartbeat says that it lives; when it has been silent for too long, another one takes its logs over.
 */
import { randomUUID } from "node:crypto";
import type { Database } from "../../store/database.ts";
import { isRunId } from "../run-id.ts";
import { DatabaseSink, rowReader } from "./database-sink.ts";
import { ROOM_CHARS, type Room, RunLog } from "./run-log.ts";
import type { EventReader, LogEvents, LogHeader, LogQuery, LogSummary, Retention, RunLogs, TakenLog } from "./run-logs.ts";
import {
  beatOf,
  CANCEL_CHANNEL,
  cancelRun,
  deleteOldRuns,
  deleteRun,
  disownRun,
  findRun,
  LOG_CHANNEL,
  listRuns,
  orphanedRuns,
  type RunRow,
  takeRun,
} from "./run-rows.ts";

export interface LogTimes {
  readonly beatMs: number;
  /** After so long without a heartbeat a replica is taken for dead. */
  readonly staleMs: number;
  /** How often a log is looked at although nothing was heard of it. */
  readonly pollMs: number;
  /** So long readers of detached runs wait for a database that is lost. Long after others may have taken the log over. */
  readonly patienceMs: number;
}

const TIMES: LogTimes = { beatMs: 5000, staleMs: 15_000, pollMs: 2000, patienceMs: 60_000 };

export interface DatabaseLogsOptions {
  /** Opens it at first need. Throws `DatabaseUnavailable`. */
  readonly database: () => Promise<Database>;
  /** Characters of events that wait to be stored, in all logs together. */
  readonly roomChars?: number;
  readonly times?: LogTimes;
}

interface Own {
  readonly log: RunLog;
  readonly sink: DatabaseSink;
}

export class DatabaseLogs implements RunLogs {
  readonly #database: () => Promise<Database>;
  readonly #room: Room;
  readonly #times: LogTimes;
  /** What this process signs its logs with. */
  readonly #owner = randomUUID();
  readonly #own = new Map<string, Own>();
  /** Logs that are being taken over: its own, as the database may have it already. */
  readonly #taking = new Set<string>();
  readonly #waiting = new Map<string, Set<() => void>>();
  #events: LogEvents = { cancel: () => {} };
  #timer: ReturnType<typeof setInterval> | null = null;
  #listening: Promise<(() => Promise<void>)[]> | null = null;
  /** Since when the database has answered, on `performance.now()`'s clock; null: it does not. */
  #answersSince: number | null = Number.NEGATIVE_INFINITY;

  constructor({ database, roomChars = ROOM_CHARS, times = TIMES }: DatabaseLogsOptions) {
    this.#database = database;
    this.#room = { used: 0, most: roomChars };
    this.#times = times;
  }

  create(header: LogHeader): RunLog {
    const sink = new DatabaseSink({ database: this.#database, header, owner: this.#owner });
    return this.#add(header, sink);
  }

  async read(id: string): Promise<LogSummary | null> {
    if (!isRunId(id)) return null;
    const row = await this.#ask((db) => findRun(db, id, this.#staleSeconds));
    return row && summaryOf(row);
  }

  async *list(query: LogQuery): AsyncGenerator<LogSummary> {
    for (let { cursor } = query; ; ) {
      const page = await this.#ask((db) => listRuns(db, { ...query, cursor }, this.#staleSeconds));
      yield* page.map(summaryOf);
      cursor = page.at(-1)?.id;
      if (cursor === undefined) return;
    }
  }

  reader(id: string, after: number): EventReader {
    return rowReader(this.#database, id, after);
  }

  changed(id: string, ms: number, signal: AbortSignal): Promise<void> {
    this.#begin();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", settle);
        waiting.delete(settle);
        if (waiting.size === 0) this.#waiting.delete(id);
        resolve();
      };
      const timer = setTimeout(settle, signal.aborted ? 0 : Math.min(ms, this.#times.pollMs));
      signal.addEventListener("abort", settle);
      waiting.add(settle);
      this.#waiting.set(id, waiting);
    });
  }

  remove(id: string): Promise<void> {
    return this.#ask((db) => deleteRun(db, id));
  }

  prune(retention: Retention): Promise<void> {
    return this.#ask((db) => deleteOldRuns(db, retention));
  }

  async orphans(): Promise<readonly string[]> {
    this.#begin();
    const ids = await this.#ask((db) => orphanedRuns(db, this.#staleSeconds));
    return this.#mayJudge ? ids : [];
  }

  async take(id: string): Promise<TakenLog | null> {
    if (!this.#mayJudge) return null;
    this.#taking.add(id);
    try {
      const row = await this.#ask((db) => takeRun(db, id, this.#owner, this.#staleSeconds));
      if (!row) return null;
      const { header, events, bytes, takes, cancelled } = row;
      const sink = new DatabaseSink({ database: this.#database, header, owner: this.#owner, taken: { bytes } });
      return { log: this.#add(header, sink, events), header, takes, cancelled };
    } finally {
      this.#taking.delete(id);
    }
  }

  cancel(id: string): Promise<void> {
    return this.#ask((db) => cancelRun(db, id));
  }

  listen(events: LogEvents): void {
    this.#events = events;
  }

  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    const stops = await this.#listening?.catch(() => []);
    await Promise.all((stops ?? []).map((stop) => stop().catch(() => {})));
    for (const settle of [...this.#waiting.values()].flatMap((each) => [...each])) settle();
  }

  get #staleSeconds(): number {
    return this.#times.staleMs / 1000;
  }

  /** Whoever could not reach the database itself cannot tell whether others are dead: their heartbeats may be late as its own. */
  get #mayJudge(): boolean {
    return this.#answersSince !== null && performance.now() - this.#answersSince >= this.#times.staleMs;
  }

  #add(header: LogHeader, sink: DatabaseSink, stored?: number): RunLog {
    this.#begin();
    const { id, detached } = header;
    const options = { id, sink, room: this.#room, strict: detached, patienceMs: this.#times.patienceMs };
    const log = new RunLog(stored === undefined ? options : { ...options, stored });
    this.#own.set(id, { log, sink });
    void log.complete.then(() => this.#own.get(id)?.log === log && this.#own.delete(id));
    return log;
  }

  /** With the first log or reader: heartbeats, and an ear for what other replicas tell. */
  #begin(): void {
    if (this.#timer) return;
    this.#timer = setInterval(() => void this.#beat(), this.#times.beatMs);
    this.#timer.unref?.();
    this.#hear();
  }

  /** Until it can be heard there is polling, and the heartbeat. */
  #hear(): void {
    const listening = this.#listen();
    this.#listening = listening;
    listening.catch(() => (this.#listening = null));
  }

  async #listen(): Promise<(() => Promise<void>)[]> {
    const db = await this.#database();
    const wake = (ids: Iterable<string>) => {
      for (const id of ids) for (const settle of [...(this.#waiting.get(id) ?? [])]) settle();
    };
    return [
      await db.listen(
        LOG_CHANNEL,
        (id) => wake([id]),
        () => wake([...this.#waiting.keys()]),
      ),
      await db.listen(
        CANCEL_CHANNEL,
        (id) => this.#own.has(id) && this.#events.cancel(id),
        () => void this.#beat(),
      ),
    ];
  }

  /** Says that this process lives, and finds what was taken from it or is to be cancelled. */
  async #beat(): Promise<void> {
    if (!this.#listening) this.#hear();
    const open = [...this.#own.values()].filter(({ sink }) => sink.open);
    if (open.length === 0) return;
    try {
      const rows = new Map((await this.#ask((db) => beatOf(db, this.#owner))).map((row) => [row.id, row]));
      for (const { log, sink } of open) {
        const row = rows.get(log.id);
        if (row?.cancelled) this.#events.cancel(log.id);
        if (!row && sink.open) log.taken();
      }
      // One that could not be given away when it should have been.
      const stray = [...rows.keys()].filter((id) => !this.#own.has(id) && !this.#taking.has(id));
      for (const id of stray) await this.#ask((db) => disownRun(db, id, this.#owner));
    } catch {
      // Writing and reading say what is wrong; here it only has to be tried again.
    }
  }

  /** Asks the database something, and notes whether it answered. */
  async #ask<T>(question: (db: Database) => Promise<T>): Promise<T> {
    try {
      const answer = await question(await this.#database());
      this.#answersSince ??= performance.now();
      return answer;
    } catch (error) {
      this.#answersSince = null;
      throw error;
    }
  }
}

function summaryOf({ header, state, events, error, started_at, finished_at, held }: RunRow): LogSummary {
  const startedAt = started_at?.toISOString() ?? null;
  const over = finished_at !== null && state !== "queued" && state !== "running";
  return {
    ...{ header, state, events, error, started_at: startedAt, held: held && !over },
    end: over ? { end: state, started_at: startedAt, finished_at: finished_at.toISOString() } : null,
  };
}
