/** The lock between processes: one at a time, given back, and taken from those that are no more. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isLocked, tryLock, withLock } from "../src/lock.ts";

const root = mkdtempSync(join(tmpdir(), "stratascope-lock-"));
afterAll(() => rmSync(root, { recursive: true }));

const TIMES = { touchMs: 50, staleMs: 60_000, pollMs: 5 };
const { signal } = new AbortController();
let count = 0;
const newPath = () => join(root, String(count++), "a.lock");

test("holds one at a time, and leaves nothing behind", async () => {
  const path = newPath();
  let inside = 0;
  let most = 0;
  let done = 0;
  const use = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 10));
    inside--;
    done++;
  };
  await Promise.all(Array.from({ length: 8 }, () => withLock(path, { signal, times: TIMES }, use)));
  expect({ most, done }).toEqual({ most: 1, done: 8 });
  expect(readdirSync(dirname(path))).toEqual([]);
});

test("of a process that is no more is taken, of one that lives on another machine when it was long untouched", async () => {
  const path = newPath();
  await withLock(path, { signal, times: TIMES }, async () => {});
  const { pid } = spawnSync("true");
  writeFileSync(path, JSON.stringify({ token: "gone", pid, host: hostname() }));
  expect(await withLock(path, { signal, times: TIMES }, async () => "taken")).toBe("taken");

  writeFileSync(path, JSON.stringify({ token: "far", pid: 1, host: "another" }));
  const old = new Date(Date.now() - 61_000);
  utimesSync(path, old, old);
  expect(await withLock(path, { signal, times: TIMES }, async () => "taken")).toBe("taken");
});

test("of a process that lives is waited for, until one gives up", async () => {
  const path = newPath();
  await withLock(path, { signal, times: TIMES }, async () => {});
  writeFileSync(path, JSON.stringify({ token: "far", pid: 1, host: "another" }));
  const abort = new AbortController();
  let told = 0;
  const waiting = () => {
    told++;
    setTimeout(() => abort.abort(), 50);
  };
  await expect(withLock(path, { signal: abort.signal, waiting, times: TIMES }, async () => {})).rejects.toThrow();
  expect(told).toBe(1);
  expect(existsSync(path)).toBe(true);
});

test("of this process id in an earlier life is taken", async () => {
  const path = newPath();
  await withLock(path, { signal, times: TIMES }, async () => {});
  writeFileSync(path, JSON.stringify({ token: "earlier", pid: process.pid, host: hostname() }));
  expect(await withLock(path, { signal, times: TIMES }, async () => "taken")).toBe("taken");
});

test("is given back by one that fails", async () => {
  const path = newPath();
  await expect(
    withLock(path, { signal, times: TIMES }, async () => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  expect(existsSync(path)).toBe(false);
});

test("that is only tried is had at once or not at all, and says whether somebody lives who holds it", async () => {
  const path = newPath();
  expect(await isLocked(path)).toBe(false);
  const first = await tryLock(path);
  expect([await isLocked(path), await tryLock(path)]).toEqual([true, null]);
  await first?.release();
  expect([await isLocked(path), existsSync(path)]).toEqual([false, false]);
});

test("that is abandoned leaves its file, and the next who tries has it", async () => {
  const path = newPath();
  (await tryLock(path, { lasting: true }))?.abandon();
  expect([existsSync(path), await isLocked(path)]).toEqual([true, false]);
  const next = await tryLock(path);
  expect(next).not.toBeNull();
  await next?.release();
});

test.runIf(process.platform === "linux")("of a process whose id another one has by now is taken", async () => {
  const path = newPath();
  await (await tryLock(path))?.release();
  const child = spawn("sleep", ["30"]);
  writeFileSync(path, JSON.stringify({ token: "before", pid: child.pid, host: hostname(), started: "1" }));
  expect(await isLocked(path)).toBe(false);
  // The same process without a start to tell it by.
  writeFileSync(path, JSON.stringify({ token: "unknown", pid: child.pid, host: hostname() }));
  expect(await isLocked(path)).toBe(true);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
  expect(await isLocked(path)).toBe(false);
});
