/** Logs as files in a folder, which several processes may share: each lets alone what another one writes. */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isLocked, tryLock } from "../../lock.ts";
import { Problem } from "../../problem.ts";
import { isRunId } from "../run-id.ts";
import { FileReader, readFileSummary, TAKEN_LINE } from "./file-reader.ts";
import { FileSink, lockPath } from "./file-sink.ts";
import { ROOM_CHARS, type Room, RunLog } from "./run-log.ts";
import type { EventReader, LogHeader, LogQuery, LogSummary, Retention, RunLogs, TakenLog } from "./run-logs.ts";

const SUFFIX = ".ndjson";
const LOCK_SUFFIX = ".lock";
/** How often a file is looked at that another process may append to. */
const POLL_MS = 250;
/** Nobody else writes a log while this process lives: what it showed and could not write yet, it will. */
const PATIENCE_MS = 5000;

export class FileLogs implements RunLogs {
  readonly #folder: string;
  readonly #room: Room;
  /** Whether logs were looked for that have no lock and yet no end. */
  #searched = false;

  /** `roomChars`: of events that wait to be written, in all logs together. */
  constructor(folder: string, roomChars = ROOM_CHARS) {
    this.#folder = folder;
    this.#room = { used: 0, most: roomChars };
  }

  create(header: LogHeader): RunLog {
    const sink = new FileSink({ path: this.#path(header.id), header });
    return this.#log(header, sink);
  }

  async read(id: string): Promise<LogSummary | null> {
    if (!isRunId(id)) return null;
    const found = await readFileSummary(this.#path(id));
    if (!found) return null;
    const { header, end, events, error } = found;
    const held = end === null && (await isLocked(this.#lock(id)));
    // `meta` is written while a run still waits.
    const state = end?.end ?? (held && events > 1 ? "running" : "queued");
    return { header, end, state, events, error, started_at: end?.started_at ?? null, held };
  }

  async *list({ cursor }: LogQuery): AsyncGenerator<LogSummary> {
    for (const id of await this.#ids()) {
      if (cursor !== undefined && id >= cursor) continue;
      const found = await this.read(id);
      if (found) yield found;
    }
  }

  reader(id: string, after: number): EventReader {
    return new FileReader(this.#path(id), after);
  }

  async changed(_id: string, ms: number, signal: AbortSignal): Promise<void> {
    await sleep(Math.min(ms, POLL_MS), undefined, { signal }).catch(() => {});
  }

  async remove(id: string): Promise<void> {
    await rm(this.#path(id), { force: true });
  }

  async prune({ runs, bytes, seconds }: Retention): Promise<void> {
    const locks = new Set(await this.#locks());
    const oldest = seconds === null ? Number.NEGATIVE_INFINITY : Date.now() - seconds * 1000;
    let size = 0;
    for (const [i, id] of (await this.#ids()).entries()) {
      if (locks.has(id)) continue;
      const file = await stat(this.#path(id)).catch(() => null);
      size += file?.size ?? 0;
      if (i >= runs || size > bytes || (file?.mtimeMs ?? 0) < oldest) await this.remove(id);
    }
  }

  /** The first time all logs are looked at: an older version of the service left no locks. Later only the locks. */
  async orphans(): Promise<readonly string[]> {
    const locks = await this.#locks();
    const left: string[] = [];
    for (const id of locks) if (!(await isLocked(this.#lock(id)))) left.push(id);
    if (!this.#searched) {
      const locked = new Set(locks);
      for (const id of await this.#ids())
        if (!locked.has(id) && (await readFileSummary(this.#path(id)))?.end === null) left.push(id);
      this.#searched = true;
    }
    return left.sort();
  }

  async take(id: string): Promise<TakenLog | null> {
    const lock = await tryLock(this.#lock(id), { lasting: true });
    if (!lock) return null;
    try {
      const path = this.#path(id);
      const found = await readFileSummary(path);
      if (!found || found.end) {
        await lock.release();
        return null;
      }
      const { header, events, wholeBytes } = found;
      const sink = new FileSink({ path, header, taken: { lock, bytes: wholeBytes } });
      await sink.append(`${TAKEN_LINE}${JSON.stringify(new Date().toISOString())}}\n`);
      return { log: this.#log(header, sink, events), header, takes: found.takes + 1, cancelled: false };
    } catch (error) {
      lock.abandon();
      throw error;
    }
  }

  async cancel(id: string): Promise<void> {
    throw new Problem(
      "conflict",
      `The run ${id} is in flight in another process, which shares this data folder; it can be cancelled there. Replicas that share a DATABASE_URL cancel each other's runs.`,
    );
  }

  listen(): void {}

  async close(): Promise<void> {}

  #log({ id, detached }: LogHeader, sink: FileSink, stored?: number): RunLog {
    const options = { id, sink, room: this.#room, strict: detached, patienceMs: PATIENCE_MS };
    return new RunLog(stored === undefined ? options : { ...options, stored });
  }

  /** All ids, the newest first. */
  async #ids(): Promise<string[]> {
    return (await this.#names(SUFFIX)).sort().reverse();
  }

  #locks(): Promise<string[]> {
    return this.#names(LOCK_SUFFIX);
  }

  /** The ids that files of a kind are named by. */
  async #names(suffix: string): Promise<string[]> {
    const names = await readdir(this.#folder).catch(() => [] as string[]);
    return names.flatMap((name) => {
      const id = name.endsWith(suffix) ? name.slice(0, -suffix.length) : "";
      return isRunId(id) ? [id] : [];
    });
  }

  #path(id: string): string {
    return join(this.#folder, `${id}${SUFFIX}`);
  }

  #lock(id: string): string {
    return lockPath(this.#path(id));
  }
}
