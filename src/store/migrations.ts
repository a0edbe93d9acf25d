/** The schema `stratascope`, brought up to date: each migration once, in order, all of them or none. */
import { type Database, DatabaseUnavailable, type Queryable } from "./database.ts";
import { initial } from "./schema/0001-initial.ts";

export interface Migration {
  readonly name: string;
  /** Statements; the tables they make are named with the schema. */
  readonly sql: string;
}

/** In order. One that has been released does not change any more: what is to be different is another one. */
export const MIGRATIONS: readonly Migration[] = [{ name: "initial", sql: initial }];

/** Of the lock (pg_advisory_xact_lock) under which one replica migrates and the others wait: any number that is ours. */
const LOCK = 7_251_406_112;

/** A newer version of the service has been at this database. */
export class SchemaTooNew extends DatabaseUnavailable {
  override readonly name = "SchemaTooNew";
}

/** Applies what is missing. Throws `SchemaTooNew`, and what the database throws. */
export async function migrate(db: Database, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  if ((await versionOf(db, migrations.length)) === migrations.length) return;
  await db.transaction(async (tx) => {
    await tx.query("SELECT pg_advisory_xact_lock($1::bigint)", [LOCK]);
    const version = await versionOf(tx, migrations.length);
    if (version === null)
      await tx.query(`CREATE SCHEMA IF NOT EXISTS stratascope;
        CREATE TABLE stratascope.migrations (
          version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    for (const [i, { name, sql }] of migrations.entries()) {
      if (i < (version ?? 0)) continue;
      await tx.query(sql);
      await tx.query("INSERT INTO stratascope.migrations (version, name) VALUES ($1, $2)", [i + 1, name]);
    }
  });
}

/** How many migrations have been applied; null: none ever was. */
async function versionOf(db: Queryable, known: number): Promise<number | null> {
  // Not to_regclass: within a transaction it may answer what was so when that began.
  const [there] = await db.query("SELECT 1 FROM pg_tables WHERE schemaname = 'stratascope' AND tablename = 'migrations'");
  if (!there) return null;
  const [row] = await db.query<{ version: number }>("SELECT coalesce(max(version), 0) AS version FROM stratascope.migrations");
  const version = row?.version ?? 0;
  if (version <= known) return version;
  throw new SchemaTooNew(
    `The database's schema is version ${version}, made by a newer version of the service; this one knows versions up to ${known}. ` +
      "Run the newer version, or use another database.",
  );
}
