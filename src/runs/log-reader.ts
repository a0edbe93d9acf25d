/** Reads logs of runs: who ran, how it ended, and its events from any place; closes those that a crash left open. */
import { open, stat, truncate } from "node:fs/promises";
import type { ProblemDocument } from "../schemas/problem.ts";
import type { LogEnd, LogHeader } from "./log.ts";
import { isTerminal, parseWireEvent, type WireEvent } from "./wire-event.ts";

/** Bytes read at a time. */
const CHUNK_BYTES = 262_144;
const NEWLINE = 0x0a;

/** What a log says of its run. */
export interface LogSummary {
  readonly header: LogHeader;
  /** null: the run had not ended when the file was written last. */
  readonly end: LogEnd | null;
  /** The last event, and where the last whole line ends. */
  readonly last: WireEvent | null;
  readonly wholeBytes: number;
}

/** Reads the first and the last lines. null: no such log, or none that can be read. */
export async function readSummary(path: string): Promise<LogSummary | null> {
  const file = await open(path, "r").catch(() => null);
  if (!file) return null;
  try {
    const { size, mtime } = await file.stat();
    const headerLine = await firstLine(file, size);
    const header = headerLine === null ? null : parseLine(headerLine);
    if (header?.log !== 1) return null;
    const tail = await lastLines(file, size);
    let last: WireEvent | null = null;
    let end: LogEnd | null = null;
    for (const line of tail.lines) {
      const event = parseWireEvent(line);
      if (event) last = event;
      else if (line.startsWith('{"end":')) end = parseLine(line) as LogEnd | null;
    }
    if (!end && last && isTerminal(last)) end = { end: outcomeOf(last), started_at: null, finished_at: mtime.toISOString() };
    return { header: header as unknown as LogHeader, end, last, wholeBytes: tail.wholeBytes };
  } finally {
    await file.close();
  }
}

/** The events after `after`, in order, in batches of what one read gave; ends where the file does. */
export async function* readEvents(path: string, after: number): AsyncGenerator<readonly WireEvent[], void, void> {
  const file = await open(path, "r");
  try {
    let torn: Buffer[] = []; // the line that the last read cut off
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (let seq = -1; ; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return;
      const events: WireEvent[] = [];
      let start = 0;
      for (let end = buffer.indexOf(NEWLINE); end >= 0 && end < bytesRead; end = buffer.indexOf(NEWLINE, start)) {
        const line = Buffer.concat([...torn, buffer.subarray(start, end)]);
        torn = [];
        start = end + 1;
        // The line of event n is the n-th after the header: those before `after` need not be parsed.
        if (++seq <= after) continue;
        const event = parseWireEvent(line.toString("utf8"));
        if (event) events.push(event);
      }
      if (start < bytesRead) torn.push(Buffer.from(buffer.subarray(start, bytesRead)));
      if (events.length > 0) yield events;
    }
  } finally {
    await file.close();
  }
}

/** Ends the log of a run that was in flight when the server died: cuts off a torn line and appends an `error` event. */
export async function closeLog(path: string, { header, last, wholeBytes }: LogSummary, problem: ProblemDocument): Promise<void> {
  if ((await stat(path)).size > wholeBytes) await truncate(path, wholeBytes);
  const seq = (last?.seq ?? 0) + 1;
  const error = `{"type":"error","seq":${seq},"run_id":${JSON.stringify(header.id)},"problem":${JSON.stringify(problem)}}`;
  const end: LogEnd = { end: "failed", started_at: null, finished_at: new Date().toISOString() };
  const file = await open(path, "a");
  try {
    await file.appendFile(`${error}\n${JSON.stringify(end)}\n`);
  } finally {
    await file.close();
  }
}

/** The problem that an `error` event carries. */
export function problemOf({ type, json }: WireEvent): ProblemDocument | null {
  return type === "error" ? (JSON.parse(json) as { problem: ProblemDocument }).problem : null;
}

/** How a run ended that has this last event. */
export function outcomeOf(event: WireEvent): LogEnd["end"] {
  if (event.type === "done") return "completed";
  return problemOf(event)?.code === "cancelled" ? "cancelled" : "failed";
}

type Readable = Awaited<ReturnType<typeof open>>;

async function firstLine(file: Readable, size: number): Promise<string | null> {
  const buffer = Buffer.alloc(Math.min(size, 4096));
  await file.read(buffer, 0, buffer.length, 0);
  const end = buffer.indexOf(NEWLINE);
  return end < 0 ? null : buffer.toString("utf8", 0, end);
}

/** Whole lines at the end of the file: at least two, or all there are after the header. */
async function lastLines(file: Readable, size: number): Promise<{ lines: string[]; wholeBytes: number }> {
  for (let length = 8192; ; length *= 8) {
    const start = Math.max(0, size - length);
    const buffer = Buffer.alloc(size - start);
    await file.read(buffer, 0, buffer.length, start);
    const whole = buffer.lastIndexOf(NEWLINE) + 1;
    const lines = buffer.toString("utf8", 0, whole).split("\n").slice(0, -1);
    // The first may be torn by where the read began.
    const complete = lines.slice(1);
    if (start === 0 || complete.length >= 2) return { lines: complete, wholeBytes: start + whole };
  }
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
