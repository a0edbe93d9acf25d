/** The store: opened at first need, lost and found again. */
import fs, { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { silentLog } from "../../src/log.ts";
import { lockFolder } from "../../src/store/data-lock.ts";
import { openPostgres } from "../../src/store/postgres.ts";
import { Store } from "../../src/store/store.ts";
import { DATABASE_KINDS, type TestDatabases } from "../support/databases.ts";
import { hasPostgres, startPostgres, type TestPostgres } from "../support/postgres.ts";

const root = mkdtempSync(join(tmpdir(), "stratascope-store-"));
afterAll(() => rmSync(root, { recursive: true }));

const stores: Store[] = [];
const newStore = (place: { databaseUrl: string | null; folder: string }) => {
  const store = new Store({ ...place, log: silentLog });
  stores.push(store);
  return store;
};
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

describe.each(DATABASE_KINDS)("a store, $kind:", ({ kind, start }) => {
  let databases: TestDatabases;
  beforeAll(async () => {
    databases = await start();
  });
  afterAll(() => databases.remove());

  test("is closed until somebody needs it, then open for all, with the service's tables", async () => {
    const place = await databases.place();
    const store = newStore(place);
    expect([store.kind, store.status()]).toEqual([kind, { kind, state: "closed", detail: null }]);
    if (kind === "embedded") {
      await store.verify();
      expect([existsSync(place.folder), store.status().state]).toEqual([false, "closed"]);
    }
    const opening = [store.database(), store.database()];
    expect(store.status().state).toBe("opening");
    const [one, two] = await Promise.all(opening);
    expect(one).toBe(two);
    expect([one?.kind, store.status()]).toEqual([kind, { kind, state: "open", detail: null }]);
    expect(await one?.query("SELECT id FROM stratascope.experiments")).toEqual([]);
  });

  test("what was stored is there when the next one opens", async () => {
    const place = await databases.place();
    const first = newStore(place);
    await (await first.database()).query("INSERT INTO stratascope.datasets VALUES ('a', 'b', 1, 'jsonl', '\\x00')");
    await first.close();
    expect(first.status()).toEqual({ kind, state: "closed", detail: null });
    await expect(first.database()).rejects.toThrow("The database was closed: the service ends.");
    expect(await (await newStore(place).database()).query("SELECT name FROM stratascope.datasets")).toEqual([{ name: "a" }]);
  });

  test("a schema of a newer version is told, and nothing is touched", async () => {
    const place = await databases.place();
    const first = newStore(place);
    await (await first.database()).query("INSERT INTO stratascope.migrations (version, name) VALUES (99, 'later')");
    await first.close();
    const store = newStore(place);
    const detail = expect.stringContaining("The database's schema is version 99, made by a newer version of the service");
    await expect(store.database()).rejects.toMatchObject({ name: "SchemaTooNew", message: detail });
    expect(store.status()).toEqual({ kind, state: "lost", detail });
  });
});

describe("an embedded store", () => {
  test("that another process has is lost until that gives it back", async () => {
    const folder = join(root, "taken");
    const lock = await lockFolder(folder, () => {});
    const store = newStore({ databaseUrl: null, folder });
    await expect(store.database()).rejects.toMatchObject({ name: "FolderInUse" });
    // At once and without another look, while it is too early for one.
    await expect(store.database()).rejects.toMatchObject({ name: "FolderInUse" });
    expect(store.status()).toMatchObject({ state: "lost", detail: expect.stringContaining(`${folder} is in use by process`) });
    await lock.release();
    await expect
      .poll(
        () =>
          store.database().then(
            () => store.status().state,
            () => null,
          ),
        { timeout: 20_000 },
      )
      .toBe("open");
  });

  /** Does something while nothing can be written to a database's files. */
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
  const full = expect.stringContaining("No space left on device");

  test("that was lost when its log could not be written is opened again, and who listened is told, and listens again", async () => {
    const store = newStore({ databaseUrl: null, folder: join(root, "aborted") });
    const db = await store.database();
    const heard: string[] = [];
    let gaps = 0;
    const stop = await db.listen(
      "channel",
      (payload) => heard.push(payload),
      () => gaps++,
    );
    await db.query("CREATE TABLE numbers (n integer)");
    await db.query("INSERT INTO numbers VALUES (1)");
    await withFullDisk(async () => {
      await expect(db.query("INSERT INTO numbers VALUES (2)")).rejects.toMatchObject({
        name: "DatabaseUnavailable",
        message: full,
      });
      expect(store.status()).toMatchObject({ state: "lost", detail: full });
    });
    await expect.poll(() => [gaps, store.status().state], { timeout: 20_000 }).toEqual([1, "open"]);
    await db.query("INSERT INTO numbers VALUES (3)");
    await db.query("SELECT pg_notify('channel', 'again')");
    await expect.poll(() => heard).toEqual(["again"]);
    expect(await db.query("SELECT n FROM numbers")).toEqual([{ n: 1 }, { n: 3 }]);
    await stop();
    await db.query("SELECT pg_notify('channel', 'unheard')");
    expect(heard).toEqual(["again"]);
  });

  test("that is lost because a table could not grow is found again as soon as it can", async () => {
    const store = newStore({ databaseUrl: null, folder: join(root, "full") });
    const db = await store.database();
    await db.query("CREATE TABLE numbers (n integer)");
    await withFullDisk(async () => {
      await expect(db.query("INSERT INTO numbers VALUES (1)")).rejects.toMatchObject({
        name: "DatabaseUnavailable",
        message: full,
      });
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(store.status()).toMatchObject({ state: "lost", detail: full });
    });
    await expect.poll(() => store.status().state, { timeout: 20_000 }).toBe("open");
    await db.query("INSERT INTO numbers VALUES (2)");
    expect(await db.query("SELECT n FROM numbers")).toEqual([{ n: 2 }]);
  });
});

describe.skipIf(!hasPostgres)("a store on a server", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());

  test("that cannot be reached when the service starts says which it is, without the password", async () => {
    const databaseUrl = await server.create("early");
    await server.stop("fast");
    const store = newStore({ databaseUrl, folder: root });
    const message = `The database "early" on 127.0.0.1:${server.port} cannot be used: connect ECONNREFUSED 127.0.0.1:${server.port}`;
    await expect(store.verify()).rejects.toMatchObject({ name: "DatabaseUnavailable", message });
    expect(store.status()).toEqual({ kind: "postgres", state: "lost", detail: message });
    await server.start();
    await expect
      .poll(
        () =>
          store.verify().then(
            () => store.status().state,
            () => null,
          ),
        { timeout: 20_000 },
      )
      .toBe("open");
  });

  test("that goes and comes back is lost, then open with the next answer, and what waits is done", async () => {
    const store = newStore({ databaseUrl: await server.create("restarted"), folder: root });
    const db = await store.database();
    await server.stop("immediate");
    await expect(db.query("SELECT 1")).rejects.toMatchObject({ name: "DatabaseUnavailable" });
    expect(store.status()).toMatchObject({
      state: "lost",
      detail: expect.stringContaining('The database "restarted" on 127.0.0.1'),
    });
    await server.start();
    await expect
      .poll(() => db.transaction((tx) => tx.query("SELECT 1 AS n")).catch(() => null), { timeout: 20_000 })
      .toEqual([{ n: 1 }]);
    await expect.poll(() => store.status()).toEqual({ kind: "postgres", state: "open", detail: null });
  });

  test("on which it may not make its tables says so", async () => {
    const databaseUrl = await server.create("guarded");
    const admin = await openPostgres(databaseUrl);
    await admin.query("CREATE ROLE guest LOGIN PASSWORD 'guest'");
    await admin.close();
    const store = newStore({ databaseUrl: databaseUrl.replace(/\/\/[^@]*@/, "//guest:guest@"), folder: root });
    await expect(store.verify()).rejects.toMatchObject({
      name: "DatabaseUnavailable",
      message: "The database cannot be brought up to date: permission denied for database guarded",
    });
  });
});
