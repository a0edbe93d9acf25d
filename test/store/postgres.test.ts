/** A PostgreSQL server that refuses, ends connections, restarts, crashes or hangs. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { OpenedDatabase } from "../../src/store/database.ts";
import { openPostgres } from "../../src/store/postgres.ts";
import { hasPostgres, startPostgres, type TestPostgres } from "../support/postgres.ts";

describe.skipIf(!hasPostgres)("a PostgreSQL server", () => {
  let server: TestPostgres;
  let db: OpenedDatabase;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());
  beforeEach(async () => {
    db = await openPostgres(server.url, { connectMs: 1_000, answerMs: 1_000 });
  });
  afterEach(() => db.close());

  const unavailable = (reason: string) => ({
    name: "DatabaseUnavailable",
    message: `The database "postgres" on 127.0.0.1:${server.port} cannot be used: ${reason}`,
  });
  /** How often something can be asked until it is answered. */
  const answered = () => expect.poll(() => db.query("SELECT 1 AS n").catch(() => null), { timeout: 15_000 }).toEqual([{ n: 1 }]);

  test("that is not there is unavailable, whatever it is asked", async () => {
    await server.stop("fast");
    try {
      const refused = unavailable(`connect ECONNREFUSED 127.0.0.1:${server.port}`);
      await expect(openPostgres(server.url)).rejects.toMatchObject(refused);
      await expect(db.query("SELECT 1")).rejects.toMatchObject({ name: "DatabaseUnavailable" });
      await expect(db.query("SELECT 1")).rejects.toMatchObject(refused);
      await expect(db.transaction(async () => {})).rejects.toMatchObject(refused);
      await expect(
        db.listen(
          "channel",
          () => {},
          () => {},
        ),
      ).rejects.toMatchObject(refused);
    } finally {
      await server.start();
    }
    await answered();
  });

  test("that does not let one in is unavailable with its reason, without the password", async () => {
    const url = server.url.replace(/:[^:@]+@/, ":wrong-secret@");
    const failed = await openPostgres(url).catch((error: unknown) => error);
    expect(failed).toMatchObject(unavailable('password authentication failed for user "tester"'));
    const shown = JSON.stringify(failed, Object.getOwnPropertyNames(failed)) + String((failed as Error).cause);
    expect(shown).not.toContain("wrong-secret");
    await expect(openPostgres(server.url.replace(/postgres$/, "nowhere"))).rejects.toMatchObject({
      name: "DatabaseUnavailable",
      message: `The database "nowhere" on 127.0.0.1:${server.port} cannot be used: database "nowhere" does not exist`,
    });
    await expect(openPostgres("postgres://somebody:hidden@does-not-exist.invalid/db")).rejects.toMatchObject({
      name: "DatabaseUnavailable",
      message: expect.stringMatching(/^The database "db" on does-not-exist\.invalid:5432 cannot be used: getaddrinfo /),
    });
  });

  test("that ends connections, used or not, is unavailable for what was under way and answers the next", async () => {
    const others =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stratascope' AND pid <> pg_backend_pid()";
    const admin = await openPostgres(server.url);
    let reached: () => void = () => {};
    const inside = new Promise<void>((resolve) => (reached = resolve));
    const cut = db.transaction(async (tx) => {
      await tx.query("SELECT 1");
      reached();
      await new Promise((resolve) => setTimeout(resolve, 200));
      await tx.query("SELECT 2");
    });
    const ended = cut.catch((error: unknown) => error);
    await inside;
    await admin.query(others);
    expect(await ended).toMatchObject({ name: "DatabaseUnavailable" });
    // Idle ones.
    await db.query("SELECT 1");
    await admin.query(others);
    await answered();
    await admin.close();
  });

  test("that shuts down says so to whoever waits", async () => {
    const asleep = db.query("SELECT pg_sleep(10)").catch((error: unknown) => error);
    await expect
      .poll(async () => (await db.query("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(10)'")).length)
      .toBe(1);
    await server.restart();
    expect(await asleep).toMatchObject(unavailable("terminating connection due to administrator command"));
    await answered();
  });

  test.each(["stop", "kill"] as const)(
    "after a crash (%s) what was committed is there, and listeners are told that they may have missed something",
    async (how) => {
      const heard: string[] = [];
      let gaps = 0;
      const stop = await db.listen(
        "channel",
        (payload) => heard.push(payload),
        () => gaps++,
      );
      await db.query("DROP TABLE IF EXISTS numbers; CREATE TABLE numbers (n integer)");
      await db.query("INSERT INTO numbers VALUES (1)");
      await db.query("SELECT pg_notify('channel', 'before')");
      await expect.poll(() => heard).toEqual(["before"]);
      if (how === "stop") await server.stop("immediate");
      else await server.kill();
      await expect(db.query("SELECT 1")).rejects.toMatchObject({ name: "DatabaseUnavailable" });
      await server.start();
      await answered();
      await expect.poll(() => gaps, { timeout: 15_000 }).toBe(1);
      await db.query("SELECT pg_notify('channel', 'after')");
      await expect.poll(() => heard).toEqual(["before", "after"]);
      expect(await db.query("SELECT n FROM numbers")).toEqual([{ n: 1 }]);
      await stop();
    },
  );

  test("that hangs is unavailable when an answer, or a connection, takes too long", async () => {
    await db.query("SELECT 1");
    server.pause();
    try {
      await expect(db.query("SELECT 1")).rejects.toMatchObject(unavailable("Query read timeout"));
      await expect(db.query("SELECT 1")).rejects.toMatchObject(unavailable("Connection terminated due to connection timeout"));
    } finally {
      server.resume();
    }
    await answered();
  });
});
