/** A database in this process's memory, which several replicas of a test may share. */
import { PGlite, types } from "@electric-sql/pglite";
import type { Database, Queryable } from "../../src/store/database.ts";
import { DatabaseUnavailable } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrations.ts";

export interface TestDatabase extends Database {
  /** From now on nothing reaches it, or everything does again. */
  lose(lost: boolean): void;
}

/** It takes seconds to start: one serves all tests of a file. */
let shared: Promise<PGlite> | null = null;

/** One with the service's tables and nothing in them. What was in an earlier one is gone. */
export async function pgliteDatabase(): Promise<TestDatabase> {
  shared ??= PGlite.create({ parsers: { [types.INT8]: (text: string) => text } });
  const pg = await shared;
  await pg.exec("DROP SCHEMA IF EXISTS stratascope CASCADE");
  let lost = false;
  const reach = () => {
    if (lost) throw new DatabaseUnavailable("The database cannot be reached.");
  };
  const queryable = (on: Pick<PGlite, "query" | "exec">): Queryable => ({
    query: async <Row>(sql: string, values?: readonly unknown[]) => {
      reach();
      if (!values) return (await on.exec(sql)).flatMap(({ rows }) => rows as Row[]);
      return (await on.query<Row>(sql, [...values])).rows;
    },
  });
  const database: TestDatabase = {
    kind: "postgres",
    ...queryable(pg),
    transaction: (work) => {
      reach();
      return pg.transaction((tx) => work(queryable(tx as unknown as PGlite)));
    },
    listen: (channel, heard) => {
      reach();
      return pg.listen(channel, (payload) => !lost && heard(payload)) as Promise<() => Promise<void>>;
    },
    close: async () => {},
    lose: (now) => {
      lost = now;
    },
  };
  await migrate(database);
  return database;
}
