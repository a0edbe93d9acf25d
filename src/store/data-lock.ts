/** The lock of an embedded database's folder, which PGlite does not have: two processes that write there would destroy it. */
import { readFile } from "node:fs/promises";
import { type LockTimes, tryLock } from "../lock.ts";
import { DatabaseUnavailable } from "./database.ts";

/** A process that is gone is known at once on the machine that it ran on, and on another one when it did not touch for so long. */
const TIMES: LockTimes = { touchMs: 2_000, staleMs: 20_000, pollMs: 250 };

/** Another process has the folder. */
export class FolderInUse extends DatabaseUnavailable {
  override readonly name = "FolderInUse";
}

export interface DataLock {
  release(): Promise<void>;
}

/**
 * Takes the lock that lies beside a folder. `lost` is called once if another process took it: one on another machine, which
 * had not seen it touched for long, as when this one was suspended. Throws `FolderInUse`, naming the folder and who has it.
 */
export async function lockFolder(folder: string, lost: () => void, times = TIMES): Promise<DataLock> {
  const path = `${folder}.lock`;
  const lock = await tryLock(path, { times });
  if (!lock) throw new FolderInUse(`${folder} is in use by ${await holderOf(path)}. ${REMEDY}`);
  const mine = await readFile(path, "utf8");
  const watch = setInterval(() => {
    void readFile(path, "utf8").then(
      (now) => now !== mine && end(),
      (error: NodeJS.ErrnoException) => error.code === "ENOENT" && end(),
    );
  }, times.touchMs);
  watch.unref?.();
  const end = () => {
    clearInterval(watch);
    lock.abandon();
    lost();
  };
  return {
    release: async () => {
      clearInterval(watch);
      await lock.release();
    },
  };
}

const REMEDY = "Stop it, or give this one another DATA_DIR, or both of them one DATABASE_URL.";

async function holderOf(path: string): Promise<string> {
  try {
    const { pid, host } = JSON.parse(await readFile(path, "utf8")) as { readonly pid: number; readonly host: string };
    return `process ${pid} on ${host}`;
  } catch {
    return "another process";
  }
}
