/**
 * The log of one run: a file of JSON lines that is only ever appended to. The first line describes the run, then one
 * line per event in order, and a last one says when it ended.
 */
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { WireEvent } from "./wire-event.ts";

/** The first line. */
export interface LogHeader {
  readonly log: 1;
  readonly id: string;
  readonly model: string;
  readonly detached: boolean;
  readonly prompt_tokens: number;
  readonly variants: number;
  readonly created_at: string;
}

/** The last line. */
export interface LogEnd {
  readonly end: "completed" | "failed" | "cancelled";
  readonly started_at: string | null;
  readonly finished_at: string;
}

/** Text that is gathered before it is written, and for how long: a write per event would cost more than the event. */
const BATCH = { chars: 262_144, ms: 50 } as const;

/** Writes a run's log, in batches and without holding anybody up. */
export class LogWriter {
  readonly path: string;
  #pending: string;
  #chars = 0;
  #events = 0;
  #file: Promise<FileHandle> | null = null;
  #written: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #failure: unknown = null;

  constructor(path: string, header: LogHeader) {
    this.path = path;
    this.#pending = `${JSON.stringify(header)}\n`;
    this.#schedule();
  }

  /** The last event that `flush` will bring to the file: its seq. */
  get events(): number {
    return this.#events;
  }

  append(event: WireEvent): void {
    this.#pending += `${event.json}\n`;
    this.#chars += event.json.length;
    this.#events = event.seq;
    if (this.#chars >= BATCH.chars) void this.flush().catch(() => {});
    else this.#schedule();
  }

  /** Settles when everything appended so far is in the file. Throws what kept it from being written. */
  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const text = this.#pending;
    this.#pending = "";
    this.#chars = 0;
    if (text !== "") this.#written = this.#written.then(() => this.#write(text));
    await this.#written;
    if (this.#failure) throw this.#failure;
  }

  /** Writes the last line and closes the file. */
  async close(end: LogEnd): Promise<void> {
    this.#pending += `${JSON.stringify(end)}\n`;
    try {
      await this.flush();
    } finally {
      await (await this.#file?.catch(() => null))?.close();
    }
  }

  async #write(text: string): Promise<void> {
    // After a failed write nothing more is written: a log has no gaps.
    if (this.#failure) return;
    try {
      this.#file ??= mkdir(dirname(this.path), { recursive: true }).then(() => open(this.path, "ax"));
      await (await this.#file).appendFile(text);
    } catch (error) {
      this.#failure = error;
    }
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), BATCH.ms);
  }
}
