/** The service's log: JSON lines on standard output, by pino, which is imported with the first line. */
import type { Logger } from "pino";

type Level = "error" | "warn" | "info" | "debug";
type Fields = Readonly<Record<string, unknown>>;

export type Log = Readonly<Record<Level, (message: string, fields?: Fields) => void>>;

const RANK: Readonly<Record<Level | "silent", number>> = { silent: 0, error: 1, warn: 2, info: 3, debug: 4 };

/** A log that writes what is at least as grave as `level`. */
export function createLog(level: Level | "silent"): Log {
  let logger: Logger | null = null;
  let waiting: ((logger: Logger) => void)[] | null = null;
  const write =
    (at: Level) =>
    (message: string, fields: Fields = {}) => {
      if (RANK[at] > RANK[level]) return;
      const line = (to: Logger) => to[at](fields, message);
      if (logger) return line(logger);
      if (waiting) return void waiting.push(line);
      waiting = [line];
      // After the first answers: the import takes longer than they do.
      setTimeout(async () => {
        const { pino } = await import("pino");
        logger = pino({ level, base: { pid: process.pid } }, pino.destination({ fd: 1, sync: true }));
        for (const each of waiting ?? []) each(logger);
        waiting = null;
      }, 50);
    };
  return { error: write("error"), warn: write("warn"), info: write("info"), debug: write("debug") };
}

/** Says nothing. */
export const silentLog: Log = createLog("silent");
