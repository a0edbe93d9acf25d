/** A run's log as rows, written as long as they are this process's. */
import type { ProblemDocument } from "../../schemas/problem.ts";
import type { Queryable } from "../../store/database.ts";
import { problemOf } from "../outcome.ts";
import type { WireEvent } from "../wire-event.ts";
import type { LogSink } from "./run-log.ts";
import { type EventReader, type LogEnd, type LogHeader, LogTaken } from "./run-logs.ts";
import { disownRun, endRun, insertEvents, insertRun, readEvents } from "./run-rows.ts";

export interface DatabaseSinkOptions {
  readonly database: () => Promise<Queryable>;
  readonly header: LogHeader;
  readonly owner: string;
  /** Bytes of the events of a log that goes on. */
  readonly taken?: { readonly bytes: number };
}

export class DatabaseSink implements LogSink {
  readonly #database: () => Promise<Queryable>;
  readonly #header: LogHeader;
  readonly #owner: string;
  #bytes: number;
  #inserted: boolean;
  #ending = false;
  #error: ProblemDocument | null = null;

  constructor({ database, header, owner, taken }: DatabaseSinkOptions) {
    this.#database = database;
    this.#header = header;
    this.#owner = owner;
    this.#bytes = taken?.bytes ?? 0;
    this.#inserted = taken !== undefined;
  }

  /** Whether its row exists and has no end yet, so that a heartbeat must find it. */
  get open(): boolean {
    return this.#inserted && !this.#ending;
  }

  async write(events: readonly WireEvent[], startedAt: string | null): Promise<void> {
    const { id } = this.#header;
    let bytes = this.#bytes;
    if (!this.#inserted) {
      const header = JSON.stringify(this.#header);
      bytes += Buffer.byteLength(header);
      await insertRun(await this.#database(), this.#header, header, this.#owner);
    }
    for (const { json } of events) bytes += Buffer.byteLength(json);
    if (!(await insertEvents(await this.#database(), id, this.#owner, { events, bytes, startedAt }))) throw new LogTaken(id);
    this.#inserted = true;
    this.#bytes = bytes;
    const last = events.at(-1);
    this.#error = last ? problemOf(last) : this.#error;
  }

  async end(end: LogEnd): Promise<void> {
    this.#ending = true;
    const { id } = this.#header;
    if (!(await endRun(await this.#database(), id, this.#owner, end, this.#error))) throw new LogTaken(id);
  }

  async release(): Promise<void> {
    await disownRun(await this.#database(), this.#header.id, this.#owner);
  }

  reader(after: number): EventReader {
    return rowReader(this.#database, this.#header.id, after);
  }
}

/** The events of a log after one, page by page. */
export function rowReader(database: () => Promise<Queryable>, id: string, after: number): EventReader {
  let seq = after;
  return {
    next: async () => {
      const events = await readEvents(await database(), id, seq);
      seq = events.at(-1)?.seq ?? seq;
      return events.length > 0 ? events : null;
    },
    close: async () => {},
  };
}
