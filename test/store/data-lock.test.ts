/** The lock of an embedded database's folder. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { lockFolder } from "../../src/store/data-lock.ts";
import { openEmbedded } from "../../src/store/pglite.ts";

const root = mkdtempSync(join(tmpdir(), "stratascope-data-lock-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
const newFolder = () => join(root, `postgres-${count++}`);
const never = () => {
  throw new Error("the lock was lost");
};

/** A process that has the folder open. */
async function holder(folder: string): Promise<{ pid: number; kill(): Promise<void>; end(): Promise<void> }> {
  const child = spawn("node_modules/.bin/bun", ["test/support/holding-child.ts", folder], { stdio: ["pipe", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    pid: child.pid ?? 0,
    kill: () => {
      child.kill("SIGKILL");
      return ended;
    },
    end: () => {
      child.stdin.end();
      return ended;
    },
  };
}

test("the second of two processes is refused, with the folder and the first one's id, and served when that is gone", async () => {
  const folder = newFolder();
  for (const how of ["end", "kill"] as const) {
    const other = await holder(folder);
    await expect(openEmbedded(folder)).rejects.toMatchObject({
      name: "FolderInUse",
      message:
        `${folder} is in use by process ${other.pid} on ${hostname()}. ` +
        "Stop it, or give this one another DATA_DIR, or both of them one DATABASE_URL.",
    });
    await other[how]();
    const db = await openEmbedded(folder);
    expect(await db.query("SELECT 1 AS n")).toEqual([{ n: 1 }]);
    await db.close();
    expect(existsSync(`${folder}.lock`)).toBe(false);
  }
});

test("a process is refused what it has itself", async () => {
  const folder = newFolder();
  const lock = await lockFolder(folder, never);
  await expect(lockFolder(folder, never)).rejects.toThrow(`${folder} is in use by process ${process.pid} on ${hostname()}.`);
  await lock.release();
  await (await lockFolder(folder, never)).release();
});

test("what a dead process left is taken at once, also when its id is another one's by now, or was this one's before", async () => {
  const { pid: dead } = spawnSync("true");
  const living = spawn("sleep", ["60"]);
  try {
    const started = "1";
    const holders = [
      { pid: dead },
      { pid: process.pid, started },
      ...(process.platform === "linux" ? [{ pid: living.pid, started }] : []),
    ];
    for (const holder of holders) {
      const folder = newFolder();
      writeFileSync(`${folder}.lock`, JSON.stringify({ token: "theirs", host: hostname(), ...holder }));
      await (await lockFolder(folder, never)).release();
    }
  } finally {
    living.kill("SIGKILL");
  }
});

test("another machine's is respected as long as it is touched, and taken when it was not for long", async () => {
  const folder = newFolder();
  const path = `${folder}.lock`;
  writeFileSync(path, JSON.stringify({ token: "theirs", host: "elsewhere", pid: 7 }));
  await expect(lockFolder(folder, never)).rejects.toThrow(`${folder} is in use by process 7 on elsewhere.`);
  const old = new Date(Date.now() - 21_000);
  utimesSync(path, old, old);
  await (await lockFolder(folder, never)).release();
});

test("whoever finds that another one took it says so, and does not give it back", async () => {
  const folder = newFolder();
  const path = `${folder}.lock`;
  let told = 0;
  await lockFolder(folder, () => told++, { touchMs: 10, staleMs: 20_000, pollMs: 10 });
  const theirs = JSON.stringify({ token: "theirs", host: "elsewhere", pid: 7 });
  writeFileSync(path, theirs);
  await expect.poll(() => told).toBe(1);
  expect(readFileSync(path, "utf8")).toBe(theirs);
});

test("a database whose folder was taken writes nothing more", async () => {
  const folder = newFolder();
  const db = await openEmbedded(folder);
  await db.query("CREATE TABLE numbers (n integer)");
  rmSync(`${folder}.lock`);
  await expect.poll(() => db.usable, { timeout: 10_000 }).toBe(false);
  await expect(db.query("INSERT INTO numbers VALUES (1)")).rejects.toThrow(
    `The database in ${folder} cannot be used: another process took the folder`,
  );
  await db.close();
});
