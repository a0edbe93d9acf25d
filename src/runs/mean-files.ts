/** Means as files: a line of JSON that says what there is, and then the numbers, float32, little-endian. */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Site } from "../engine/schedule.ts";

/** By `meanKey`; a value is as wide as its site. */
export type MeanTable = ReadonlyMap<string, Float32Array>;

interface Header {
  readonly means: 1;
  readonly key: string;
  readonly entries: readonly { readonly name: string; readonly width: number }[];
}

const SUFFIX = ".means";
/** Files that are kept, the newest first. */
const MAX_BYTES = 2 ** 30;
const NEWLINE = 0x0a;

/** The name of a mean within its table. */
export function meanKey(block: number, site: Site): string {
  return `${block} ${site}`;
}

/** Bytes of a table's numbers, at least 1. */
export function tableBytes(table: MeanTable): number {
  return [...table.values()].reduce((sum, { byteLength }) => sum + byteLength, 1);
}

/** null: there is no such file, or none that is whole. */
export async function readMeans(folder: string, key: string): Promise<MeanTable | null> {
  const bytes = await readFile(join(folder, `${key}${SUFFIX}`)).catch(() => null);
  const end = bytes?.indexOf(NEWLINE) ?? -1;
  if (!bytes || end < 0) return null;
  try {
    const { means, key: own, entries } = JSON.parse(bytes.toString("utf8", 0, end)) as Header;
    const numbers = new Float32Array(Uint8Array.from(bytes.subarray(end + 1)).buffer);
    if (means !== 1 || own !== key || numbers.length !== entries.reduce((sum, { width }) => sum + width, 0)) return null;
    let at = 0;
    return new Map(
      entries.map(({ name, width }) => {
        at += width;
        return [name, numbers.slice(at - width, at)];
      }),
    );
  } catch {
    return null;
  }
}

/** Writes under another name first, so that a file is there whole or not at all; then drops the oldest beyond the bound. */
export async function writeMeans(folder: string, key: string, table: MeanTable): Promise<void> {
  const entries = [...table].map(([name, { length }]) => ({ name, width: length }));
  const header: Header = { means: 1, key, entries };
  const numbers = [...table.values()].map((values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${key}${SUFFIX}`);
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...numbers]));
  await rename(temporary, path);
  await prune(folder);
}

async function prune(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX));
  const files = await Promise.all(
    names.map(async (name) => ({ path: join(folder, name), ...(await measure(join(folder, name))) })),
  );
  let bytes = 0;
  for (const { path, size } of files.sort((a, b) => b.time - a.time)) {
    bytes += size;
    if (bytes > MAX_BYTES) await rm(path, { force: true });
  }
}

async function measure(path: string): Promise<{ size: number; time: number }> {
  const info = await stat(path).catch(() => null);
  return { size: info?.size ?? 0, time: info?.mtimeMs ?? 0 };
}
