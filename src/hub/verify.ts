/** Files of the cache, against the hashes that their blobs are named by: before a model is first used in a process. */
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { INDEX_FILE, SINGLE_FILE } from "../engine/checkpoint/weights.ts";
import { isIntact } from "./blob.ts";
import { hashOfName } from "./file-hash.ts";

/** Blobs that were found intact, by path, with what would change if they did. */
const intact = new Map<string, string>();

/** Of files that have just been checked, so that they need not be again. */
export async function remember(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const blob = await realpath(path);
    intact.set(blob, await stampOf(blob));
  }
}

/** The names of a snapshot's files that are not what their blob's name states. A file that is no link states nothing. */
export async function brokenFiles(snapshot: string): Promise<string[]> {
  const broken: string[] = [];
  for (const name of usedOf(await readdir(snapshot))) {
    const blob = await realpath(join(snapshot, name)).catch(() => null);
    const hash = blob && hashOfName(basename(blob));
    if (!hash) continue;
    const stamp = await stampOf(blob);
    if (intact.get(blob) === stamp) continue;
    const { size } = await stat(blob);
    if (await isIntact(blob, { size, hash })) intact.set(blob, stamp);
    else broken.push(name);
  }
  return broken;
}

/** Those of a snapshot's files that are read: other programs may have put more there. */
function usedOf(names: readonly string[]): string[] {
  const weights = names.includes(SINGLE_FILE) ? [SINGLE_FILE] : names.filter((name) => name.endsWith(".safetensors"));
  return [
    ...["config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", INDEX_FILE].filter((name) =>
      names.includes(name),
    ),
    ...weights,
  ];
}

async function stampOf(path: string): Promise<string> {
  const { mtimeMs, ctimeMs, size, ino } = await stat(path);
  return `${mtimeMs}:${ctimeMs}:${size}:${ino}`;
}
