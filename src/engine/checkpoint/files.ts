import { closeSync, openSync, readFileSync, readSync, realpathSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { counted, quote } from "./problems.ts";

/** Configurations are a few kilobytes; vocabularies of old models' labels may add some. */
export const MAX_CONFIG_BYTES = 4_000_000;

/** The largest vocabularies published (256 k tokens) make files of about 35 MB. */
export const MAX_TOKENIZER_BYTES = 128_000_000;

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a path leads to, symlinks followed; undefined where there is nothing. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** A regular file's bytes; null, with a problem added, where it is missing, too large or unreadable. */
export function readBounded(folder: string, name: string, maxBytes: number, problems: string[]): Buffer | null {
  const path = join(folder, name);
  const stat = statOf(path);
  // Anything but a regular file could block the read for ever.
  if (!stat?.isFile()) problems.push(stat ? `${name} is not a file` : `${name} is missing`);
  else if (stat.size > maxBytes) problems.push(`${name} has ${stat.size} bytes; at most ${maxBytes} are read`);
  else {
    try {
      return readFileSync(path);
    } catch (error) {
      problems.push(`${name} cannot be read: ${codeOf(error)}`);
    }
  }
  return null;
}

/** UTF-8 text; null where the bytes are not. */
export function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** A JSON object; null, with a problem that begins with `subject` added, where the bytes are none. */
export function parseObject(bytes: Uint8Array, subject: string, problems: string[]): JsonObject | null {
  const text = decodeText(bytes);
  if (text === null) {
    problems.push(`${subject} is not UTF-8 (${counted(bytes.length, "byte")})`);
    return null;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    problems.push(`${subject} is not JSON; it begins with ${quote(text.slice(0, 20))}`);
    return null;
  }
  if (isObject(value)) return value;
  problems.push(`${subject} is ${quote(value)}; an object is expected`);
  return null;
}

/** Runs `use` on an open file and closes it; null, with a problem added, where it cannot be opened or read. */
export function withFile<T>(
  path: string,
  name: string,
  problems: string[],
  use: (fd: number, size: number, path: string) => T,
): T | null {
  let fd: number | undefined;
  try {
    const stat = statOf(path);
    if (!stat?.isFile()) {
      problems.push(stat ? `${name} is not a file` : `${name} is missing`);
      return null;
    }
    const real = realpathSync(path);
    fd = openSync(real, "r");
    return use(fd, stat.size, real);
  } catch (error) {
    problems.push(`${name} cannot be read: ${codeOf(error)}`);
    return null;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Fills `into` from `position` on; returns how many bytes there were. */
export function readAt(fd: number, into: Uint8Array, position: number): number {
  const maxRead = 1 << 30; // one read call takes less than 2 GiB
  let done = 0;
  while (done < into.length) {
    const got = readSync(fd, into, done, Math.min(maxRead, into.length - done), position + done);
    if (got === 0) break;
    done += got;
  }
  return done;
}

/** The system's name of an error (EACCES), or its text. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
