/** The schema, brought up to date on both kinds. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { OpenedDatabase } from "../../src/store/database.ts";
import { MIGRATIONS, migrate } from "../../src/store/migrations.ts";
import { openPostgres } from "../../src/store/postgres.ts";
import { DATABASE_KINDS, type TestDatabases } from "../support/databases.ts";

const first = { name: "first", sql: "CREATE TABLE stratascope.one (n integer); INSERT INTO stratascope.one VALUES (1)" };
const second = { name: "second", sql: "INSERT INTO stratascope.one VALUES (2)" };
const broken = { name: "broken", sql: "INSERT INTO stratascope.one VALUES (3); SELECT 1 / 0" };

describe.each(DATABASE_KINDS)("migrations, $kind:", ({ kind, start }) => {
  let databases: TestDatabases;
  let db: OpenedDatabase;
  let databaseUrl: string | null;
  beforeAll(async () => {
    databases = await start();
    ({ db, databaseUrl } = await databases.open());
  });
  afterAll(async () => {
    await db.close();
    await databases.remove();
  });
  beforeEach(() => db.query("DROP SCHEMA IF EXISTS stratascope CASCADE"));

  const applied = async () =>
    (await db.query<{ name: string }>("SELECT name FROM stratascope.migrations ORDER BY version")).map(({ name }) => name);
  const numbers = async () => (await db.query<{ n: number }>("SELECT n FROM stratascope.one ORDER BY n")).map(({ n }) => n);

  test("the service's make its tables, and once made they are left alone", async () => {
    await migrate(db);
    const tables = await db.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'stratascope' ORDER BY table_name COLLATE \"C\"",
    );
    expect(tables.map(({ name }) => name)).toEqual([
      "datasets",
      "experiment_chunks",
      "experiment_events",
      "experiments",
      "migrations",
      "run_events",
      "runs",
    ]);
    await db.query("INSERT INTO stratascope.datasets VALUES ('a', 'b', 1, 'jsonl', '\\x00')");
    await migrate(db);
    expect(await applied()).toEqual(MIGRATIONS.map(({ name }) => name));
    expect(await db.query("SELECT name FROM stratascope.datasets")).toEqual([{ name: "a" }]);
  });

  test("what computing gives is stored as it is, not compressed", async () => {
    await migrate(db);
    const columns = await db.query(
      `SELECT attrelid::regclass::text || '.' || attname AS column, attstorage::text AS storage FROM pg_attribute
       WHERE attrelid IN ('stratascope.experiment_chunks'::regclass, 'stratascope.datasets'::regclass) AND atttypid = 'bytea'::regtype
       ORDER BY 1`,
    );
    expect(columns).toEqual([
      { column: "stratascope.datasets.content", storage: "e" },
      { column: "stratascope.experiment_chunks.input", storage: "e" },
      { column: "stratascope.experiment_chunks.output", storage: "e" },
    ]);
  });

  test("with an experiment go its chunks and events", async () => {
    await migrate(db);
    await db.query(`INSERT INTO stratascope.experiments (id, kind, model, state, spec, total) VALUES ('e', 'cka', 'm', 'queued', '{}', 1);
      INSERT INTO stratascope.experiment_chunks (experiment_id, chunk, job_id, input) VALUES ('e', 0, gen_random_uuid(), '\\x00');
      INSERT INTO stratascope.experiment_events (experiment_id, seq, type, json) VALUES ('e', 1, 'state', '{}');
      DELETE FROM stratascope.experiments`);
    for (const table of ["experiment_chunks", "experiment_events"])
      expect(await db.query(`SELECT 1 FROM stratascope.${table}`)).toEqual([]);
  });

  test("later ones are added to earlier ones, in order", async () => {
    await migrate(db, [first]);
    await migrate(db, [first, second]);
    expect([await applied(), await numbers()]).toEqual([
      ["first", "second"],
      [1, 2],
    ]);
  });

  test("one that fails leaves nothing of itself, nor of those with it", async () => {
    await migrate(db, [first]);
    await expect(migrate(db, [first, second, broken])).rejects.toMatchObject({ code: "22012" });
    expect([await applied(), await numbers()]).toEqual([["first"], [1]]);
  });

  test("a schema of a newer version is refused with both versions", async () => {
    await migrate(db, [first, second]);
    await expect(migrate(db, [first])).rejects.toMatchObject({
      name: "SchemaTooNew",
      message:
        "The database's schema is version 2, made by a newer version of the service; this one knows versions up to 1. " +
        "Run the newer version, or use another database.",
    });
  });

  test.runIf(kind === "postgres")("replicas that start together apply them once", async () => {
    const replicas = await Promise.all(Array.from({ length: 4 }, () => openPostgres(databaseUrl ?? "")));
    try {
      await Promise.all(replicas.map((each) => migrate(each, [first, second])));
    } finally {
      await Promise.all(replicas.map((each) => each.close()));
    }
    expect([await applied(), await numbers()]).toEqual([
      ["first", "second"],
      [1, 2],
    ]);
  });
});
