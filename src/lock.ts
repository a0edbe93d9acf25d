/**
 * One process at a time: a file that exists while it works, which names it and is touched every few seconds, so that the
 * lock of a process that is no more can be told from one that is held.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
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

/** A lock that this process holds. */
export interface Lock {
  /** Gives it back. */
  release(): Promise<void>;
  /** Holds it no longer, but leaves the file for whoever looks for work that was not finished: it is as that of a dead process. */
  abandon(): void;
}

export interface TryLockOptions {
  /** The file stays when this process ends without giving the lock back: it tells that there is work left. */
  readonly lasting?: boolean;
  readonly times?: LockTimes;
}

interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  /** When the process began, where the system says it: tells it from a later one of the same id. */
  readonly started?: string | null;
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
  let lock = await tryLock(path, { times });
  if (!lock) waiting?.();
  while (!lock) {
    await sleep(times.pollMs, undefined, { signal });
    lock = await tryLock(path, { times });
  }
  try {
    return await use();
  } finally {
    await lock.release();
  }
}

/** Takes the lock, or that of a process that is no more. null: one that lives holds it, or was faster. */
export async function tryLock(path: string, { lasting = false, times = TIMES }: TryLockOptions = {}): Promise<Lock | null> {
  const token = randomUUID();
  own.add(token);
  let taken = false;
  try {
    // The second time, when there was one to clear away.
    for (let tries = 0; tries < 2 && !taken; tries++) taken = await take(path, token, times);
  } finally {
    if (!taken) own.delete(token);
  }
  return taken ? hold(path, token, lasting, times) : null;
}

/** Whether a living process holds it. */
export async function isLocked(path: string, times: LockTimes = TIMES): Promise<boolean> {
  const there = await stat(path).catch(() => null);
  return there !== null && !(await isStale(path, await readHolder(path), times));
}

function hold(path: string, token: string, lasting: boolean, times: LockTimes): Lock {
  if (!lasting) held.add(path);
  const touch = setInterval(() => {
    const now = new Date();
    void utimes(path, now, now).catch(() => {});
  }, times.touchMs);
  touch.unref();
  const abandon = () => {
    clearInterval(touch);
    held.delete(path);
    own.delete(token);
  };
  return {
    abandon,
    release: async () => {
      clearInterval(touch);
      if ((await readHolder(path))?.token === token) await rm(path, { force: true });
      abandon();
    },
  };
}

async function take(path: string, token: string, times: LockTimes): Promise<boolean> {
  const handle = await create(path);
  if (handle) {
    const holder: Holder = { token, pid: process.pid, host: hostname(), started: startOf(process.pid) };
    try {
      await handle.writeFile(JSON.stringify(holder)).finally(() => handle.close());
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    return true;
  }
  const holder = await readHolder(path);
  if (await isStale(path, holder, times)) await clear(path, holder);
  return false;
}

/** null: it is there already. */
async function create(path: string): Promise<FileHandle | null> {
  await mkdir(dirname(path), { recursive: true });
  try {
    return await open(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return null;
    throw error;
  }
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
  if (holder?.host === hostname()) {
    // A container that was started again has the process ids that it had before.
    if (holder.pid === process.pid) return !own.has(holder.token);
    if (holder.started) return startOf(holder.pid) !== holder.started;
    if (!isAlive(holder.pid)) return true;
  }
  const age = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  return age > staleMs;
}

/** When a process began, as Linux tells it; null: there is none, it only waits to be forgotten, or another system. */
function startOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // After the name, which may hold anything: the state is the first field, the start the twentieth.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
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
