/** The embedded database: what becomes of it when its process is killed, its disk is full, or another process wants it. */
import { spawn } from "node:child_process";
import fs, { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import type { OpenedDatabase } from "../../src/store/database.ts";
import { openEmbedded } from "../../src/store/pglite.ts";

const root = mkdtempSync(join(tmpdir(), "stratascope-pglite-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
const newFolder = () => join(root, `postgres-${count++}`);

const opened: OpenedDatabase[] = [];
async function open(folder: string): Promise<OpenedDatabase> {
  const db = await openEmbedded(folder);
  opened.push(db);
  return db;
}
afterEach(async () => {
  for (const db of opened.splice(0)) await db.close();
});

const KILLS = 12;

/** Lets the child store rows, and kills it. Returns the last row that it told of, and how many it found; null where it did not get so far. */
function storeAndKill(folder: string, when: "anywhere" | "storing"): Promise<{ found: number | null; told: number | null }> {
  const child = spawn("node_modules/.bin/bun", ["test/support/committing-child.ts", folder], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = (ms: number) => setTimeout(() => child.kill("SIGKILL"), ms);
  if (when === "anywhere") kill(300 + Math.random() * 1200);
  let output = "";
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  child.stdout.on("data", (chunk) => {
    if (when === "storing" && output === "") kill(Math.random() * 600);
    output += chunk;
  });
  return new Promise((resolve, reject) =>
    child.once("close", (code, signal) => {
      if (signal !== "SIGKILL") return reject(new Error(`the child ended with ${code}: ${errors}`));
      const numbers = (word: string) => [...output.matchAll(new RegExp(`^${word} (\\d+)$`, "gm"))].map(([, n]) => Number(n));
      resolve({ found: numbers("open").at(-1) ?? null, told: numbers("row").at(-1) ?? null });
    }),
  );
}

test(`killed ${KILLS} times at any moment, it has every row that was told of, and no half one`, {
  timeout: 180_000,
}, async () => {
  const folder = newFolder();
  let told = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const child = await storeAndKill(folder, kill % 3 === 2 ? "anywhere" : "storing");
    if (child.found !== null) expect(child.found).toBeGreaterThanOrEqual(told);
    told = child.told ?? child.found ?? told;
  }
  expect(told).toBeGreaterThan(KILLS);
  const db = await open(folder);
  const rows = await db.query<{ n: number; whole: boolean; bytes: number }>(
    "SELECT n, encode(sha256(content), 'hex') = digest AS whole, length(content) AS bytes FROM rows ORDER BY n",
  );
  expect(rows.length).toBeGreaterThanOrEqual(told);
  expect(rows.map(({ n }) => n)).toEqual(rows.map((_, i) => i + 1));
  expect(rows.filter(({ whole }) => !whole)).toEqual([]);
  const [total] = await db.query("SELECT rows, bytes::int AS bytes FROM total");
  expect(total).toEqual({ rows: rows.length, bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0) });
});

/** Runs `act` while nothing can be written to the files of a folder's database. */
async function withFullDisk(act: () => Promise<void>): Promise<void> {
  const { writeSync } = fs;
  fs.writeSync = () => {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", errno: -28, syscall: "write" });
  };
  try {
    await act();
  } finally {
    fs.writeSync = writeSync;
  }
}

test("on a full disk it is unavailable, and opened again it has what was committed", async () => {
  const folder = newFolder();
  const { exitCode } = process;
  const db = await open(folder);
  await db.query("CREATE TABLE numbers (n integer)");
  await db.query("INSERT INTO numbers VALUES (1)");
  await withFullDisk(async () => {
    const full = {
      name: "DatabaseUnavailable",
      message: expect.stringMatching(/^The database in .*postgres-\d+ cannot be used: .*No space left on device$/),
    };
    await expect(db.transaction((tx) => tx.query("INSERT INTO numbers VALUES (2)"))).rejects.toMatchObject(full);
    expect(db.usable).toBe(false);
    await expect(db.query("SELECT 1")).rejects.toMatchObject(full);
    await db.close();
    await expect(openEmbedded(folder)).rejects.toMatchObject(full);
  });
  expect(await (await open(folder)).query("SELECT n FROM numbers")).toEqual([{ n: 1 }]);
  expect(process.exitCode).toBe(exitCode);
});

test("on a disk that fails it is unavailable, and opened again it has what was committed", async () => {
  const folder = newFolder();
  const db = await open(folder);
  await db.query("CREATE TABLE numbers (n integer)");
  const { fdatasyncSync } = fs;
  fs.fdatasyncSync = () => {
    throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO", errno: -5, syscall: "fdatasync" });
  };
  try {
    await expect(db.query("INSERT INTO numbers VALUES (1)")).rejects.toMatchObject({
      name: "DatabaseUnavailable",
      message: expect.stringMatching(/cannot be used: could not fsync file ".*": I\/O error$/),
    });
  } finally {
    fs.fdatasyncSync = fdatasyncSync;
  }
  await db.close();
  // What could not be brought to the disk may be there all the same: nobody was told that it is not.
  expect((await (await open(folder)).query("SELECT n FROM numbers")).length).toBeLessThanOrEqual(1);
});

test("where the disk is full from the beginning nothing is left, and later it opens", async () => {
  const folder = newFolder();
  const { writeFile } = fs.promises;
  fs.promises.writeFile = (async (path: string, ...rest: [Uint8Array]) => {
    if (String(path).endsWith("PG_VERSION"))
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    return writeFile(path, ...rest);
  }) as typeof writeFile;
  syncBuiltinESMExports();
  try {
    await expect(openEmbedded(folder)).rejects.toMatchObject({
      name: "DatabaseUnavailable",
      message: `The database in ${folder} cannot be used: ENOSPC: no space left on device`,
    });
  } finally {
    fs.promises.writeFile = writeFile;
    syncBuiltinESMExports();
  }
  expect(readdirSync(root).filter((name) => name.startsWith(folder.slice(root.length + 1)))).toEqual([]);
  expect(await (await open(folder)).query("SELECT 1 AS n")).toEqual([{ n: 1 }]);
});

test("its log does not grow without end", { timeout: 60_000 }, async () => {
  const folder = newFolder();
  const db = await open(folder);
  await db.query(
    "CREATE TABLE large (n integer PRIMARY KEY, content bytea); ALTER TABLE large ALTER content SET STORAGE EXTERNAL",
  );
  const content = Buffer.alloc(2 ** 21, 1);
  for (let n = 0; n < 80; n++)
    await db.query("INSERT INTO large VALUES ($1, $2) ON CONFLICT (n) DO UPDATE SET content = $2", [n % 2, content]);
  await db.query("SELECT 1");
  const bytes = (path: string): number =>
    readdirSync(path, { withFileTypes: true }).reduce(
      (sum, each) => sum + (each.isDirectory() ? bytes(join(path, each.name)) : statSync(join(path, each.name)).size),
      0,
    );
  // 160 MiB were written. Dead rows make room for new ones.
  expect(bytes(join(folder, "pg_wal"))).toBeLessThanOrEqual(128 * 2 ** 20);
  expect(bytes(join(folder, "base"))).toBeLessThan(160 * 2 ** 20);
});

test("a folder of another version of PostgreSQL is refused with both versions, and left as it is", async () => {
  const folder = newFolder();
  await (await openEmbedded(folder)).close();
  writeFileSync(join(folder, "PG_VERSION"), "17\n");
  await expect(openEmbedded(folder)).rejects.toMatchObject({
    name: "DatabaseUnavailable",
    message: `The database in ${folder} cannot be used: it was made by PostgreSQL 17, and this version of the service has 18`,
  });
  expect(readFileSync(join(folder, "PG_VERSION"), "utf8")).toBe("17\n");
  expect(existsSync(`${folder}.lock`)).toBe(false);
});

test("nobody else can read its folder", async () => {
  const folder = newFolder();
  await open(folder);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});
