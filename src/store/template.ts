/**
 * An empty cluster, as PGlite's initdb makes it: doing that takes seconds and up to a gigabyte, unpacking it a moment. It is
 * made by `scripts/store-template.ts` and depends on PGlite's version only; docs/decisions/embedded-store.md has the numbers.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { inParallel, sync, syncTree } from "./sync.ts";

/** A tar archive, compressed by zstd. */
export const TEMPLATE_PATH = join(import.meta.dirname, "template.tar.zst");
/** A member of the archive, beside the cluster's files: the version of PGlite that made them. */
export const TEMPLATE_VERSION = "PGLITE_VERSION";

/** A file or a folder of an archive; of a folder there is no content. */
export interface Member {
  readonly path: string;
  readonly content: Uint8Array | null;
}

const BLOCK = 512;

/** What the template holds. */
export async function readTemplate(): Promise<Member[]> {
  return membersOf(await promisify(zstdDecompress)(await readFile(TEMPLATE_PATH)));
}

/** Makes a cluster of a folder that does not exist. It is there as a whole or not at all, and on the disk. */
export async function unpackTemplate(folder: string): Promise<void> {
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  await removeLeftovers(folder);
  const fresh = `${folder}.new-${randomUUID()}`;
  try {
    await mkdir(fresh, { mode: 0o700 });
    const members = (await readTemplate()).filter(({ path }) => path !== TEMPLATE_VERSION);
    const folders = members.filter(({ content }) => content === null).map(({ path }) => join(fresh, path));
    for (const each of folders) await mkdir(each, { recursive: true, mode: 0o700 });
    await inParallel(members, async ({ path, content }) => {
      if (content) await writeFile(join(fresh, path), content, { mode: 0o600 });
    });
    await syncTree(fresh);
    await rename(fresh, folder);
    await sync(parent);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
}

/** Members of a tar archive (POSIX ustar), as far as names of less than 100 characters and sizes below 8 GiB go. */
export function membersOf(tar: Uint8Array): Member[] {
  const members: Member[] = [];
  const text = (from: number, length: number) =>
    Buffer.from(tar.subarray(from, from + length))
      .toString("latin1")
      .replace(/\0.*$/s, "")
      .trim();
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12) || "0", 8);
    const isFolder = text(at + 156, 1) === "5";
    const from = at + BLOCK;
    members.push({ path: text(at, 100), content: isFolder ? null : tar.subarray(from, from + size) });
    at = from + Math.ceil(size / BLOCK) * BLOCK;
  }
  return members;
}

/** What a process that was killed while it unpacked has left. Whoever is here has the folder's lock. */
async function removeLeftovers(folder: string): Promise<void> {
  const parent = dirname(folder);
  const start = `${folder.slice(parent.length).replace(/^[\\/]/, "")}.new-`;
  for (const name of await readdir(parent))
    if (name.startsWith(start)) await rm(join(parent, name), { recursive: true, force: true });
}
