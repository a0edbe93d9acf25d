/** A PostgreSQL database, embedded or shared: the few things that the service asks of one. */

/** What runs statements: a database, or a transaction in it. */
export interface Queryable {
  /** One statement with $1 … parameters; bytea comes as Uint8Array, jsonb parsed, timestamptz as Date. */
  query<Row = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Queryable {
  /** `embedded`: this process's own, nobody else's; `postgres`: a server that replicas share. */
  readonly kind: "embedded" | "postgres";
  /** Commits what `work` did, or nothing of it where it throws. */
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
  override readonly name = "DatabaseUnavailable";
}
