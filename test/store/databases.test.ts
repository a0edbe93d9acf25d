/** What the service asks of a database, on both kinds. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { OpenedDatabase } from "../../src/store/database.ts";
import { DATABASE_KINDS, type TestDatabases } from "../support/databases.ts";

describe.each(DATABASE_KINDS)("a database, $kind:", ({ kind, start }) => {
  let databases: TestDatabases;
  let db: OpenedDatabase;
  beforeAll(async () => {
    databases = await start();
    ({ db } = await databases.open());
  });
  afterAll(async () => {
    await db.close();
    await databases.remove();
  });
  beforeEach(() => db.query("DROP TABLE IF EXISTS numbers; CREATE TABLE numbers (n integer PRIMARY KEY)"));

  const numbers = async () => (await db.query<{ n: number }>("SELECT n FROM numbers ORDER BY n")).map(({ n }) => n);

  test("says what it is", () => {
    expect([db.kind, db.usable]).toEqual([kind, true]);
  });

  test("values go there and come back as they are", async () => {
    const at = new Date("2026-02-03T04:05:06.789Z");
    const bytes = new Uint8Array([0, 255, 92, 120, 0]);
    const [row] = await db.query(
      `SELECT $1::bytea AS bytes, $2::jsonb AS json, $3::timestamptz AS at, $4::bigint AS big, $5::float8 AS float, $6::text AS text,
         $7::int[] AS ints, $8::text[] AS texts, NULL AS nothing, $9::boolean AS yes`,
      [bytes, { a: [1, "ü"] }, at, 2 ** 53, Math.PI, "ü\"'\\\n", [1, 2], ["a,b", '"'], true],
    );
    const { bytes: back, ...rest } = row as { bytes: Uint8Array };
    expect(back).toBeInstanceOf(Uint8Array);
    expect([...back]).toEqual([...bytes]);
    expect(rest).toEqual({
      ...{ json: { a: [1, "ü"] }, at, big: "9007199254740992", float: Math.PI, text: "ü\"'\\\n", ints: [1, 2] },
      ...{ texts: ["a,b", '"'], nothing: null, yes: true },
    });
  });

  test("megabytes come back as they were", async () => {
    await db.query("CREATE TABLE large (content bytea)");
    const content = Buffer.alloc(5_000_000);
    for (let i = 0; i < content.length; i += 4) content.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
    await db.query("INSERT INTO large VALUES ($1)", [content]);
    const [row] = await db.query<{ content: Uint8Array }>("SELECT content FROM large");
    expect(Buffer.compare(content, row?.content ?? new Uint8Array())).toBe(0);
  });

  test("several statements without values give their rows one after the other", async () => {
    const rows = await db.query("INSERT INTO numbers VALUES (1), (2) RETURNING n; SELECT 3 AS n");
    expect(rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test("an error of the database is thrown as it is, and nothing is left of it", async () => {
    await expect(db.query("SELECT * FROM nowhere")).rejects.toMatchObject({
      code: "42P01",
      message: 'relation "nowhere" does not exist',
    });
    await expect(db.query("BEGIN; INSERT INTO numbers VALUES (1); SELECT 1 / 0; COMMIT")).rejects.toMatchObject({
      code: "22012",
    });
    expect(await numbers()).toEqual([]);
  });

  test("a transaction commits what it did, and gives what it is asked for", async () => {
    const given = await db.transaction(async (tx) => {
      await tx.query("INSERT INTO numbers VALUES (1)");
      await Promise.all([2, 3].map((n) => tx.query("INSERT INTO numbers VALUES ($1)", [n])));
      return (await tx.query("SELECT n FROM numbers")).length;
    });
    expect([given, await numbers()]).toEqual([3, [1, 2, 3]]);
  });

  test("a transaction that throws leaves nothing", async () => {
    const failing = db.transaction(async (tx) => {
      await tx.query("INSERT INTO numbers VALUES (1)");
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(await numbers()).toEqual([]);
  });

  test("a transaction in which a statement failed commits nothing, whoever caught it", async () => {
    const quiet = db.transaction(async (tx) => {
      await tx.query("INSERT INTO numbers VALUES (1)");
      await tx.query("SELECT 1 / 0").catch(() => {});
    });
    await expect(quiet).rejects.toThrow("Nothing was committed: a statement of the transaction had failed.");
    expect(await numbers()).toEqual([]);
  });

  test("after its end nothing can be asked of a transaction", async () => {
    const tx = await db.transaction(async (tx) => tx);
    await expect(tx.query("INSERT INTO numbers VALUES (1)")).rejects.toThrow(
      "The transaction is over: nothing more can be asked of it.",
    );
    expect(await numbers()).toEqual([]);
  });

  test("transactions that add to one row at the same time all count", async () => {
    await db.query("INSERT INTO numbers VALUES (0)");
    const add = () =>
      db.transaction(async (tx) => {
        const [row] = await tx.query<{ n: number }>("SELECT n FROM numbers FOR UPDATE");
        await tx.query("UPDATE numbers SET n = $1", [(row?.n ?? 0) + 1]);
      });
    await Promise.all(Array.from({ length: 20 }, add));
    expect(await numbers()).toEqual([20]);
  });

  test("notifications are heard on their channel, once they are committed, until one stops listening", async () => {
    const heard: string[] = [];
    let gaps = 0;
    const stop = await db.listen(
      'a "channel"',
      (payload) => heard.push(payload),
      () => gaps++,
    );
    await db.transaction(async (tx) => {
      await tx.query("SELECT pg_notify($1, $2)", ['a "channel"', "1"]);
      await tx.query("SELECT pg_notify('another', 'not this')");
    });
    const failing = db.transaction(async (tx) => {
      await tx.query("SELECT pg_notify($1, $2)", ['a "channel"', "not this either"]);
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    await db.query("SELECT pg_notify($1, $2)", ['a "channel"', "2"]);
    await expect.poll(() => heard).toEqual(["1", "2"]);
    await stop();
    await db.query("SELECT pg_notify($1, $2)", ['a "channel"', "3"]);
    await db.query("SELECT 1");
    expect([heard, gaps]).toEqual([["1", "2"], 0]);
  });

  test("after it was closed it says so", async () => {
    await db.close();
    await expect(db.query("SELECT 1")).rejects.toMatchObject({ name: "DatabaseUnavailable" });
  });
});
