/** Both kinds of logs of runs, for the laws that hold for either. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseLogs, type LogTimes } from "../../src/runs/logs/database-logs.ts";
import { FileLogs } from "../../src/runs/logs/file-logs.ts";
import type { EventReader, LogHeader, RunLogs } from "../../src/runs/logs/run-logs.ts";
import { newRunId } from "../../src/runs/run-id.ts";
import { type WireEvent, wireEvent } from "../../src/runs/wire-event.ts";
import { pgliteDatabase, type TestDatabase } from "./pglite-database.ts";

/** Deaths are noticed soon. */
export const QUICK: LogTimes = { beatMs: 20, staleMs: 200, pollMs: 50, patienceMs: 1000 };

/** Where logs of several processes are kept together. */
export interface LogWorld {
  /** The logs as one process sees them. */
  open(roomChars?: number): RunLogs;
  /** Only where there is one. */
  readonly database: TestDatabase | null;
  /** Only where there is one. */
  readonly folder: string | null;
}

export const WORLDS: readonly (readonly [name: string, create: () => Promise<LogWorld>])[] = [
  [
    "files",
    async () => {
      const folder = join(mkdtempSync(join(tmpdir(), "logs-")), "runs");
      return { open: (roomChars) => new FileLogs(folder, roomChars), database: null, folder };
    },
  ],
  [
    "rows",
    async () => {
      const database = await pgliteDatabase();
      const open = (roomChars?: number) =>
        new DatabaseLogs({ database: async () => database, times: QUICK, ...(roomChars === undefined ? {} : { roomChars }) });
      return { open, database, folder: null };
    },
  ],
];

export function header(fields: Partial<LogHeader> = {}): LogHeader {
  const id = fields.id ?? newRunId();
  return {
    ...{ log: 1, id, model: "m", detached: false, prompt_tokens: 2, variants: 1, created_at: "2026-01-02T03:04:05.000Z" },
    ...fields,
  };
}

export const END = {
  end: "completed",
  started_at: "2026-01-02T03:04:05.000Z",
  finished_at: "2026-01-02T03:04:06.000Z",
} as const;

/** `layer` events with these numbers. */
export function layers(from: number, to: number, text = "x"): WireEvent[] {
  return Array.from({ length: to - from + 1 }, (_, i) => wireEvent("layer", from + i, `"variant":"${text}","step":${from + i}`));
}

export const done = (seq: number): WireEvent => wireEvent("done", seq, '"run_id":"r"');

/** Everything that a reader has now. */
export async function readAll(reader: EventReader): Promise<WireEvent[]> {
  const events: WireEvent[] = [];
  for (let batch = await reader.next(); batch; batch = await reader.next()) events.push(...batch);
  await reader.close();
  return events;
}
