/** Makes downloaded blobs a model: links in the snapshot's folder, then the name of the revision. */
import { randomUUID } from "node:crypto";
import { copyFile, mkdir, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { COMMIT, type HubName } from "../engine/checkpoint/hub-cache.ts";
import type { HubFile } from "./blob.ts";

/**
 * Links every file of a commit to its blob and lets the revision's name point at the commit. Only called with blobs that
 * are all there and checked; config.json comes last, since without it a folder is no model. Returns the folder.
 */
export async function publish(folder: string, { revision }: HubName, commit: string, files: readonly HubFile[]): Promise<string> {
  const snapshot = join(folder, "snapshots", commit);
  await mkdir(snapshot, { recursive: true });
  const last = (file: HubFile) => (file.path === "config.json" ? 1 : 0);
  for (const file of [...files].sort((a, b) => last(a) - last(b))) await link(snapshot, file);
  if (!COMMIT.test(revision)) await writeRef(join(folder, "refs", revision), commit);
  return snapshot;
}

async function link(snapshot: string, { path, hash }: HubFile): Promise<void> {
  const target = join("..", "..", "blobs", hash.hex);
  const at = join(snapshot, path);
  if ((await readlink(at).catch(() => null)) === target) return;
  await replace(at, async (temporary) => {
    // A file system without links gets a copy, as the hub's other clients have it.
    await symlink(target, temporary).catch(() => copyFile(join(snapshot, target), temporary));
  });
}

async function writeRef(path: string, commit: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await replace(path, (temporary) => writeFile(temporary, commit, { flush: true }));
}

/** Makes a file under another name and renames it: readers see the old one or the new one. */
async function replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}`);
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
