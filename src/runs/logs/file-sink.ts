/**
 * A run's log as a file of JSON lines that is only ever appended to: the header, then one line per event in order, and a
 * last one that says when it ended. While it is written its lock lies beside it.
 */
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { type Lock, tryLock } from "../../lock.ts";
import type { WireEvent } from "../wire-event.ts";
import { FileReader } from "./file-reader.ts";
import type { LogSink } from "./run-log.ts";
import { type EventReader, type LogEnd, type LogHeader, LogTaken } from "./run-logs.ts";

/** The lock of a log: there while a process writes it, or when one ended in the middle. */
export function lockPath(path: string): string {
  return `${path.replace(/\.ndjson$/, "")}.lock`;
}

export interface FileSinkOptions {
  readonly path: string;
  readonly header: LogHeader;
  /** Of a log that goes on: its lock, and where its last whole line ends. */
  readonly taken?: { readonly lock: Lock; readonly bytes: number };
}

export class FileSink implements LogSink {
  readonly #path: string;
  readonly #header: LogHeader;
  #lock: Lock | null;
  #file: FileHandle | null = null;
  /** Whole lines. */
  #bytes: number;
  /** What lies beyond them may be half a line. */
  #torn: boolean;

  constructor({ path, header, taken }: FileSinkOptions) {
    this.#path = path;
    this.#header = header;
    this.#lock = taken?.lock ?? null;
    this.#bytes = taken?.bytes ?? 0;
    this.#torn = taken !== undefined;
  }

  async write(events: readonly WireEvent[]): Promise<void> {
    const header = this.#bytes === 0 ? `${JSON.stringify(this.#header)}\n` : "";
    await this.append(header + events.map(({ json }) => `${json}\n`).join(""));
  }

  async end(end: LogEnd): Promise<void> {
    await this.append(`${JSON.stringify(end)}\n`);
    await this.#file?.close();
    await this.#lock?.release();
  }

  async release(): Promise<void> {
    this.#lock?.abandon();
    await this.#file?.close();
  }

  reader(after: number): EventReader {
    return new FileReader(this.#path, after);
  }

  /** Appends whole lines. What a failure left of them is cut off before they are tried again. */
  async append(text: string): Promise<void> {
    const file = await this.#open();
    if (this.#torn) await file.truncate(this.#bytes);
    this.#torn = true;
    const bytes = Buffer.from(text);
    await file.appendFile(bytes);
    this.#bytes += bytes.length;
    this.#torn = false;
  }

  async #open(): Promise<FileHandle> {
    if (this.#file) return this.#file;
    await mkdir(dirname(this.#path), { recursive: true });
    this.#lock ??= await tryLock(lockPath(this.#path), { lasting: true });
    if (!this.#lock) throw new LogTaken(this.#header.id);
    this.#file = await open(this.#path, "a");
    return this.#file;
  }
}
