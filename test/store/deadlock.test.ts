/** Transactions that wait for each other: the server ends one for the sake of the other, and it is done again. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPostgres } from "../../src/store/postgres.ts";
import { gate } from "../support/app.ts";
import { hasPostgres, startPostgres, type TestPostgres } from "../support/postgres.ts";

describe.skipIf(!hasPostgres)("On a server", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.remove());

  test("a deadlock costs time, and nothing else", async () => {
    const db = await openPostgres(server.url);
    await db.query("CREATE TABLE counts (name text PRIMARY KEY, n integer); INSERT INTO counts VALUES ('a', 0), ('b', 0)");
    const met = { a: gate(), b: gate() };
    let tries = 0;
    const both = (first: "a" | "b", second: "a" | "b") =>
      db.transaction(async (tx) => {
        tries++;
        await tx.query("UPDATE counts SET n = n + 1 WHERE name = $1", [first]);
        met[first].open();
        await met[second].opened;
        await tx.query("UPDATE counts SET n = n + 1 WHERE name = $1", [second]);
      });
    await Promise.all([both("a", "b"), both("b", "a")]);
    expect(tries).toBe(3);
    expect(await db.query("SELECT * FROM counts ORDER BY name")).toEqual([
      { name: "a", n: 2 },
      { name: "b", n: 2 },
    ]);
    await db.close();
  });
});
