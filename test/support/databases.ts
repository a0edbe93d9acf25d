/** Databases of both kinds, each as the service opens it: what holds for one must hold for the other. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenedDatabase } from "../../src/store/database.ts";
import { openEmbedded } from "../../src/store/pglite.ts";
import { openPostgres } from "../../src/store/postgres.ts";
import { hasPostgres, startPostgres, type TestPostgres } from "./postgres.ts";

/** A place for databases, of which one after the other is used. */
export interface TestDatabases {
  /** Where the next one is, with nothing in it: what a `Store` is made of. */
  place(): Promise<{ readonly databaseUrl: string | null; readonly folder: string }>;
  /** The next one, open. */
  open(): Promise<{ readonly db: OpenedDatabase; readonly databaseUrl: string | null }>;
  /** Removes them all. */
  remove(): Promise<void>;
}

async function embeddedDatabases(): Promise<TestDatabases> {
  const root = mkdtempSync(join(tmpdir(), "stratascope-embedded-"));
  let count = 0;
  const place = async () => ({ databaseUrl: null, folder: join(root, `postgres-${count++}`) });
  return {
    place,
    open: async () => ({ db: await openEmbedded((await place()).folder), databaseUrl: null }),
    remove: async () => rmSync(root, { recursive: true }),
  };
}

async function postgresDatabases(): Promise<TestDatabases> {
  const server: TestPostgres = await startPostgres();
  let count = 0;
  const place = async () => ({ databaseUrl: await server.create(`test_${count++}`), folder: "" });
  return {
    place,
    async open() {
      const { databaseUrl } = await place();
      return { db: await openPostgres(databaseUrl), databaseUrl };
    },
    remove: () => server.remove(),
  };
}

export interface DatabaseKind {
  readonly kind: "embedded" | "postgres";
  readonly start: () => Promise<TestDatabases>;
}

/** Those that can be had on this machine. */
export const DATABASE_KINDS: readonly DatabaseKind[] = [
  { kind: "embedded", start: embeddedDatabases },
  ...(hasPostgres ? [{ kind: "postgres", start: postgresDatabases } as const] : []),
];
