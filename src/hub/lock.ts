/**
 * One process at a time downloads a model: a file that exists while it does, touched every few seconds, so that the
 * lock of a process that is no more can be told from one that is held.
 */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface LockTimes {
  readonly touchMs: number;
  /** Untouched for longer, it is nobody's. */
  readonly staleMs: number;
  readonly pollMs: number;
}

const TIMES: LockTimes = { touchMs: 5_000, staleMs: 60_000, pollMs: 250 };

export interface LockOptions {
  readonly signal: AbortSignal;
  /** Called once when another process holds it. */
  readonly waiting?: () => void;
  readonly times?: LockTimes;
}

interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
}

/** Tokens of this process, of locks that it has or waits for. */
const own = new Set<string>();
/** Files to take away when this process ends in any way that it notices. */
const held = new Set<string>();
process.on("exit", () => {
  for (const path of held) rmSync(path, { force: true });
});

/** Waits for the lock and calls `use` while it is held. */
export async function withLock<T>(path: string, options: LockOptions, use: () => Promise<T>): Promise<T> {
  const { signal, waiting, times = TIMES } = options;
  await mkdir(dirname(path), { recursive: true });
  const token = randomUUID();
  own.add(token);
  try {
    for (let told = false; !(await take(path, token, times)); told = true) {
      if (!told) waiting?.();
      await sleep(times.pollMs, undefined, { signal });
    }
    return await hold(path, token, times, use);
  } finally {
    own.delete(token);
  }
}

async function hold<T>(path: string, token: string, times: LockTimes, use: () => Promise<T>): Promise<T> {
  held.add(path);
  const touch = setInterval(() => {
    const now = new Date();
    void utimes(path, now, now).catch(() => {});
  }, times.touchMs);
  touch.unref();
  try {
    return await use();
  } finally {
    clearInterval(touch);
    held.delete(path);
    if ((await readHolder(path))?.token === token) await rm(path, { force: true });
  }
}

async function take(path: string, token: string, times: LockTimes): Promise<boolean> {
  try {
    const handle = await open(path, "wx");
    await handle
      .writeFile(JSON.stringify({ token, pid: process.pid, host: hostname() } satisfies Holder))
      .finally(() => handle.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const holder = await readHolder(path);
  if (await isStale(path, holder, times)) await clear(path, holder);
  return false;
}

/** Moves a stale lock out of the way. Whoever took it meanwhile gets it back. */
async function clear(path: string, stale: Holder | null): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return; // another process was faster
  }
  if ((await readHolder(aside))?.token === stale?.token) await rm(aside, { force: true });
  else await rename(aside, path);
}

async function isStale(path: string, holder: Holder | null, { staleMs }: LockTimes): Promise<boolean> {
  const age = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (age > staleMs) return true;
  if (holder === null || holder.host !== hostname()) return false;
  // A container that was started again has the process ids that it had before.
  return holder.pid === process.pid ? !own.has(holder.token) : !isAlive(holder.pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** null: it is gone, or being written. */
async function readHolder(path: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch {
    return null;
  }
}
