/** Logs of runs, wherever they are kept: what is asked of a folder of files, or of a database. */
import type { ProblemDocument } from "../../schemas/problem.ts";
import type { RunRequest } from "../../schemas/run-request.ts";
import type { RunSummary } from "../../schemas/runs.ts";
import type { Outcome } from "../outcome.ts";
import type { WireEvent } from "../wire-event.ts";
import type { RunLog } from "./run-log.ts";

/** What a log says of its run from the start. */
export interface LogHeader {
  readonly log: 1;
  readonly id: string;
  readonly model: string;
  readonly detached: boolean;
  readonly prompt_tokens: number;
  readonly variants: number;
  readonly created_at: string;
  /** The model's, when the run began; null: it has none. */
  readonly revision?: string | null;
  /** Of a detached run, which goes on after a restart: what it is prepared from again. */
  readonly request?: RunRequest;
}

/** What it says at the end. */
export interface LogEnd {
  readonly end: Outcome;
  readonly started_at: string | null;
  readonly finished_at: string;
}

/** A log at a glance. */
export interface LogSummary {
  readonly header: LogHeader;
  /** null: the run had not ended when the log was written last. */
  readonly end: LogEnd | null;
  readonly state: RunSummary["state"];
  /** Seq of the last event that is stored. */
  readonly events: number;
  readonly error: ProblemDocument | null;
  readonly started_at: string | null;
  /** Whether a living process writes it, as far as can be told. */
  readonly held: boolean;
}

/** A log that this process took over from one that is no more. */
export interface TakenLog {
  /** Goes on after the last event. */
  readonly log: RunLog;
  readonly header: LogHeader;
  /** How often it was taken over since its last event was stored, this time included. */
  readonly takes: number;
  /** Somebody asked for it to be cancelled. */
  readonly cancelled: boolean;
}

/** Reads events in order. */
export interface EventReader {
  /** The next that are stored; null: there are no more now, but there may be when it is asked again. */
  next(): Promise<readonly WireEvent[] | null>;
  close(): Promise<void>;
}

/** Logs of ended runs that are kept, the newest first; null: no bound. */
export interface Retention {
  readonly runs: number;
  readonly bytes: number;
  readonly seconds: number | null;
}

export interface LogQuery {
  /** Runs older than this one. */
  readonly cursor?: string | undefined;
  readonly model?: string | undefined;
  readonly state?: RunSummary["state"] | undefined;
}

/** What a store tells of logs that this process writes. */
export interface LogEvents {
  /** Another process asks for the run to be cancelled. */
  readonly cancel: (id: string) => void;
}

export interface RunLogs {
  /** Begins a log. Nothing is awaited; what keeps it from being written, the log's `flush` and `close` say. */
  create(header: LogHeader): RunLog;
  /** null: there is no such log, or none that can be read. */
  read(id: string): Promise<LogSummary | null>;
  /** Newest first; a store may give more than is asked for, never less. */
  list(query: LogQuery): AsyncIterable<LogSummary>;
  /** Reads the events after `after`. */
  reader(id: string, after: number): EventReader;
  /** Waits until there may be something new in a log that another process writes, but no longer than `ms`. */
  changed(id: string, ms: number, signal: AbortSignal): Promise<void>;
  /** Removes the log of a run that is over. */
  remove(id: string): Promise<void>;
  /** Removes what is beyond the retention; never what is being written. */
  prune(retention: Retention): Promise<void>;
  /** Logs without an end that no living process writes, the oldest first. */
  orphans(): Promise<readonly string[]>;
  /** Makes this process the one that writes a log. null: another one does, it has an end, or there is none. */
  take(id: string): Promise<TakenLog | null>;
  /** Asks the process that writes a log to cancel its run. Throws `conflict` where it cannot be asked. */
  cancel(id: string): Promise<void>;
  listen(events: LogEvents): void;
  /** No more is read or written; logs that are still open are left to others. */
  close(): Promise<void>;
}

/** Another process writes the log now: whatever this one still has for it is void. */
export class LogTaken extends Error {
  override readonly name = "LogTaken";

  constructor(id: string) {
    super(`the log of ${id} is written by another process now`);
  }
}
