/** A database in this process's memory, which several replicas of a test may share. */
import { PGlite, types } from "@electric-sql/pglite";
import type { Database, Queryable } from "../../src/store/database.ts";
import { DatabaseUnavailable } from "../../src/store/database.ts";

export interface TestDatabase extends Database {
  /** From now on nothing reaches it, or everything does again. */
  lose(lost: boolean): void;
}

/** It takes seconds to start: one serves all tests of a file. */
let shared: Promise<PGlite> | null = null;

/** One with these tables and nothing in them. What was in an earlier one is gone. */
export async function pgliteDatabase(tables: string): Promise<TestDatabase> {
  shared ??= PGlite.create({ parsers: { [types.INT8]: (text: string) => text } });
  const pg = await shared;
  await pg.exec(`DROP SCHEMA IF EXISTS stratascope CASCADE; ${tables}`);
  let lost = false;
  const reach = () => {
    if (lost) throw new DatabaseUnavailable("The database cannot be reached.");
  };
  const queryable = (on: Pick<PGlite, "query">): Queryable => ({
    query: async <Row>(sql: string, values: readonly unknown[] = []) => {
      reach();
      return (await on.query<Row>(sql, [...values])).rows;
    },
  });
  return {
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
}

/** The tables of runs, as the service's migrations make them. */
export const RUN_TABLES = `
  CREATE SCHEMA stratascope;
  CREATE TABLE stratascope.runs (
    id text PRIMARY KEY, model text NOT NULL, state text NOT NULL, header json NOT NULL, summary jsonb, owner text,
    heartbeat_at timestamptz, events integer NOT NULL DEFAULT 0, bytes bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL, started_at timestamptz, finished_at timestamptz, error json);
  CREATE TABLE stratascope.run_events (
    run_id text NOT NULL REFERENCES stratascope.runs (id) ON DELETE CASCADE, seq integer NOT NULL, type text NOT NULL,
    json text NOT NULL, PRIMARY KEY (run_id, seq));
`;
