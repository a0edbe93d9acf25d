/** A PostgreSQL database, embedded or shared: the few things that the service asks of one. */

/** What runs statements: a database, or a transaction in it. */
export interface Queryable {
  /**
   * One statement with $1 … parameters, or without values any number of them, whose rows come one after the other.
   * bytea comes as Uint8Array, json and jsonb parsed, timestamptz as Date, bigint and numeric as text. Values go the same way,
   * but what is meant for json has to be text where it is an array, which is an array of SQL otherwise.
   * Throws `DatabaseUnavailable`, and the database's own errors (with `code`, an SQLSTATE) as they are.
   */
  query<Row = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Queryable {
  /** `embedded`: this process's own, nobody else's; `postgres`: a server that replicas share. */
  readonly kind: "embedded" | "postgres";
  /**
   * Commits what `work` did, or nothing of it where it throws. Within it only `tx` may be asked: an embedded database has one
   * connection, and whoever asked the database itself would wait for their own end. `work` is called again where the
   * server ended the transaction for the sake of others (a deadlock). After `DatabaseUnavailable` it may
   * have been committed or not: what is asked again must be such that twice is as good as once.
   */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /**
   * Calls `heard` with the payload of every NOTIFY on a channel, from any replica, until the returned function is called.
   * `gap`: notifications may have been missed (a connection was lost and is there again): look for yourself.
   */
  listen(channel: string, heard: (payload: string) => void, gap: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** The database cannot be used now; what is asked of it may be asked again later. */
export class DatabaseUnavailable extends Error {
  override readonly name: string = "DatabaseUnavailable";
}

/** One that was opened, as the store sees it. */
export interface OpenedDatabase extends Database {
  /** false: it will never answer again, and has to be opened anew. */
  readonly usable: boolean;
}
