/** Data sets: files NAME.jsonl in a folder, one JSON object with a `text` a line. */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Problem } from "../problem.ts";

export interface Dataset {
  readonly name: string;
  /** Of the file's bytes, hexadecimal. */
  readonly sha256: string;
  readonly texts: readonly string[];
}

export interface DatasetSource {
  /** Names, in order. */
  list(): Promise<string[]>;
  /** Throws `invalid_request` without such a data set, or with a line that cannot be used. */
  get(name: string): Promise<Dataset>;
}

const SUFFIX = ".jsonl";
/** Nothing else ever becomes a file's name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** A file is read whole, to be hashed. */
const MAX_BYTES = 256 * 2 ** 20;
/** Data sets that are held at once. */
const MAX_HELD = 4;

/** The data sets of a folder, read when they are first asked for and again when their files have changed. */
export function datasetsIn(folder: string): DatasetSource {
  const held = new Map<string, { readonly stamp: string; readonly dataset: Dataset }>(); // the least recently used first
  const list = async (): Promise<string[]> => {
    const files = await readdir(folder).catch(() => [] as string[]);
    const names = files.filter((file) => file.endsWith(SUFFIX)).map((file) => file.slice(0, -SUFFIX.length));
    return names.filter((name) => NAME.test(name)).sort();
  };
  return {
    list,
    async get(name) {
      const path = join(folder, `${name}${SUFFIX}`);
      const info = NAME.test(name) ? await stat(path).catch(() => null) : null;
      if (!info?.isFile()) throw unknown(name, await list());
      if (info.size > MAX_BYTES)
        throw refused(`the data set ${name} has ${info.size} bytes, more than can be read, ${MAX_BYTES}`);
      const stamp = `${info.mtimeMs}:${info.size}:${info.ino}`;
      const known = held.get(name);
      held.delete(name);
      const entry = known?.stamp === stamp ? known : { stamp, dataset: parse(name, await readFile(path)) };
      held.set(name, entry);
      for (const [oldest] of held) if (held.size > MAX_HELD) held.delete(oldest);
      return entry.dataset;
    },
  };
}

function parse(name: string, bytes: Buffer): Dataset {
  const texts = bytes
    .toString("utf8")
    .split("\n")
    .flatMap((line, i) => (line.trim() === "" ? [] : [textOf(line, `line ${i + 1} of the data set ${name}`)]));
  return { name, sha256: createHash("sha256").update(bytes).digest("hex"), texts };
}

function textOf(line: string, where: string): string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw refused(`${where} is not JSON`);
  }
  const text = (value as { text?: unknown } | null)?.text;
  if (typeof text !== "string") throw refused(`${where} has no "text" that is a text`);
  return text;
}

function unknown(name: string, known: readonly string[]): Problem {
  const there = known.length === 0 ? "there are none" : `there are ${known.slice(0, 50).join(", ")}`;
  return refused(`there is no data set ${JSON.stringify(name.slice(0, 100))}; ${there}`);
}

function refused(detail: string): Problem {
  return new Problem("invalid_request", detail);
}
