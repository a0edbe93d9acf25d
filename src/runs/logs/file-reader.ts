/** Reads logs that are files: what they say at a glance, and their events from any place. */
import { type FileHandle, open } from "node:fs/promises";
import type { ProblemDocument } from "../../schemas/problem.ts";
import { outcomeOf, problemOf } from "../outcome.ts";
import { isTerminal, parseWireEvent, type WireEvent } from "../wire-event.ts";
import type { EventReader, LogEnd, LogHeader } from "./run-logs.ts";

/** Bytes read at a time, and from the end for the last lines. */
const CHUNK_BYTES = 262_144;
const TAIL_BYTES = 8192;
const NEWLINE = 0x0a;
/** Characters that hold an event's type and number. */
const HEAD_CHARS = 64;
const HEAD = /^\{"type":"[a-z]+","seq":(\d+),/;

/** The line that says that a process took the log over. */
export const TAKEN_LINE = '{"taken":';

/** The first line and the last ones. */
export interface FileSummary {
  readonly header: LogHeader;
  readonly end: LogEnd | null;
  readonly events: number;
  readonly error: ProblemDocument | null;
  /** Times that the log was taken over since its last event. */
  readonly takes: number;
  /** Where the last whole line ends. */
  readonly wholeBytes: number;
}

/** null: no such log, or none that can be read. */
export async function readFileSummary(path: string): Promise<FileSummary | null> {
  const file = await open(path, "r").catch(() => null);
  if (!file) return null;
  try {
    const { size, mtime } = await file.stat();
    const header = parseLine(await firstLine(file, size));
    if (header?.log !== 1) return null;
    const { lines, wholeBytes } = await lastLines(file, size);
    let last: WireEvent | null = null;
    let end: LogEnd | null = null;
    let takes = 0;
    for (const line of lines) {
      const event = parseWireEvent(line);
      if (event) [last, takes] = [event, 0];
      else if (line.startsWith(TAKEN_LINE)) takes++;
      else if (line.startsWith('{"end":')) end = parseLine(line) as LogEnd | null;
    }
    // The crash may have come between the last event and the last line.
    if (!end && last && isTerminal(last)) end = { end: outcomeOf(last), started_at: null, finished_at: mtime.toISOString() };
    const error = last ? problemOf(last) : null;
    return { header: header as unknown as LogHeader, end, events: last?.seq ?? 0, error, takes, wholeBytes };
  } finally {
    await file.close();
  }
}

/** The events after one, in order; asked again at the end of the file, it goes on where that has grown. */
export class FileReader implements EventReader {
  readonly #path: string;
  readonly #after: number;
  #file: FileHandle | null = null;
  #closed = false;
  #buffer = Buffer.alloc(0);
  /** Where the first line begins that was not read yet. */
  #offset = 0;

  constructor(path: string, after: number) {
    this.#path = path;
    this.#after = after;
  }

  async next(): Promise<readonly WireEvent[] | null> {
    const file = await this.#open();
    if (!file) return null;
    if (this.#buffer.length === 0) this.#buffer = Buffer.alloc(CHUNK_BYTES);
    // It may be closed while it is read.
    while (!this.#closed) {
      const { bytesRead } = await file.read(this.#buffer, 0, this.#buffer.length, this.#offset);
      const whole = bytesRead === 0 ? 0 : this.#buffer.lastIndexOf(NEWLINE, bytesRead - 1) + 1;
      if (whole === 0) {
        if (bytesRead < this.#buffer.length) return null;
        this.#buffer = Buffer.alloc(2 * this.#buffer.length); // a line longer than it
        continue;
      }
      this.#offset += whole;
      const events = this.#parse(whole);
      if (events.length > 0) return events;
    }
    return null;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#file?.close();
  }

  async #open(): Promise<FileHandle | null> {
    this.#file ??= await openIfThere(this.#path);
    if (this.#closed) await this.#file?.close();
    return this.#closed ? null : this.#file;
  }

  /** The events among the first bytes of the buffer, which are whole lines. */
  #parse(length: number): WireEvent[] {
    const events: WireEvent[] = [];
    for (let start = 0, end: number; start < length; start = end + 1) {
      end = this.#buffer.indexOf(NEWLINE, start);
      const seq = HEAD.exec(this.#buffer.toString("latin1", start, Math.min(end, start + HEAD_CHARS)))?.[1];
      if (seq === undefined || Number(seq) <= this.#after) continue;
      const event = parseWireEvent(this.#buffer.toString("utf8", start, end));
      if (event) events.push(event);
    }
    return events;
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function firstLine(file: FileHandle, size: number): Promise<string> {
  for (let length = 4096; ; length *= 8) {
    const buffer = Buffer.alloc(Math.min(size, length));
    await file.read(buffer, 0, buffer.length, 0);
    const end = buffer.indexOf(NEWLINE);
    if (end >= 0 || length >= size) return buffer.toString("utf8", 0, Math.max(0, end));
  }
}

/** Whole lines at the end of the file, an event among them, or all there are after the header. */
async function lastLines(file: FileHandle, size: number): Promise<{ lines: string[]; wholeBytes: number }> {
  for (let length = TAIL_BYTES; ; length *= 8) {
    const start = Math.max(0, size - length);
    const buffer = Buffer.alloc(size - start);
    await file.read(buffer, 0, buffer.length, start);
    const whole = buffer.lastIndexOf(NEWLINE) + 1;
    // The first may be torn by where the read began.
    const lines = buffer.toString("utf8", 0, whole).split("\n").slice(1, -1);
    if (start === 0 || lines.some((line) => HEAD.test(line))) return { lines, wholeBytes: start + whole };
  }
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
