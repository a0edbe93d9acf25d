/** Brings files to the disk without holding this process up: what was written may otherwise be in the system's memory only. */
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

/** At a time. */
const AT_ONCE = 16;

/** A file, or a folder's list of names. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A folder with all that is in it. */
export async function syncTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((each) => each.isFile() || each.isDirectory()).map((each) => join(each.parentPath, each.name));
  await inParallel([folder, ...paths], sync);
}

/** Some at a time. When one fails, it is thrown after those under way have ended. */
export async function inParallel<T>(all: Iterable<T>, act: (each: T) => Promise<void>): Promise<void> {
  const left = all[Symbol.iterator]();
  const some = async () => {
    for (let next = left.next(); !next.done; next = left.next()) await act(next.value);
  };
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, some));
  for (const each of ended) if (each.status === "rejected") throw each.reason;
}
