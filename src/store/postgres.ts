/** A PostgreSQL server that replicas share: a pool of connections, and one more that listens. */
import pg from "pg";
import { DatabaseUnavailable, type OpenedDatabase, type Queryable } from "./database.ts";
import { Listener } from "./listener.ts";
import { run, transact } from "./statements.ts";
import { asUnavailable, isSqlError } from "./unavailable.ts";

/** At the same time; few are needed, since computing takes longer than storing. */
const CONNECTIONS = 8;

export interface PostgresTimes {
  readonly connectMs: number;
  /** An answer that takes longer is not waited for: the server, or the way to it, hangs. */
  readonly answerMs: number;
}

const TIMES: PostgresTimes = { connectMs: 5_000, answerMs: 60_000 };
/** SQLSTATEs of a transaction that the server ended so that others could go on, as in a deadlock: it is tried again. */
const ENDED_FOR_OTHERS = /^40(001|P01)$/;
const MOST_TRIES = 5;
/** The oldest server that has all that is asked of it. */
const LEAST_VERSION = 13;

/** Connects, and makes sure of the server's version. `url`: postgres://user:password@host:port/database?sslmode=…. Throws `DatabaseUnavailable`. */
export async function openPostgres(url: string, times: PostgresTimes = TIMES): Promise<OpenedDatabase> {
  const database = new Postgres(url, times);
  try {
    await database.check();
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** What an address names, for people: everything but the user and the password. */
export function placeOf(url: string): string {
  const { host, port, database } = new pg.Client({ connectionString: url });
  return `The database ${JSON.stringify(database ?? "")} on ${host}:${port}`;
}

class Postgres implements OpenedDatabase {
  readonly kind = "postgres";
  readonly usable = true;
  readonly #place: string;
  readonly #pool: pg.Pool;
  readonly #listener: Listener;
  #closing: Promise<void> | null = null;

  constructor(url: string, { connectMs, answerMs }: PostgresTimes) {
    this.#place = placeOf(url);
    const config: pg.PoolConfig = {
      ...{ connectionString: url, application_name: "stratascope", keepAlive: true, keepAliveInitialDelayMillis: 10_000 },
      ...{ connectionTimeoutMillis: connectMs, query_timeout: answerMs, idle_in_transaction_session_timeout: answerMs },
    };
    this.#pool = new pg.Pool({ ...config, max: CONNECTIONS, idleTimeoutMillis: 30_000, allowExitOnIdle: true });
    // Of connections that nobody uses at the moment. Whoever asks next finds out.
    this.#pool.on("error", () => {});
    this.#listener = new Listener(() => new pg.Client(config), this.#place);
  }

  async check(): Promise<void> {
    const [row] = await this.query<{ server_version_num: string }>("SHOW server_version_num");
    const version = Math.floor(Number(row?.server_version_num) / 10_000);
    if (version < LEAST_VERSION)
      throw new DatabaseUnavailable(`${this.#place} is PostgreSQL ${version}; it must be ${LEAST_VERSION} or newer.`);
  }

  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]> {
    return this.#with((client) => run<Row>(client, this.#place, sql, values), !values?.length);
  }

  async transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#with((client) => transact(client, this.#place, work));
      } catch (error) {
        if (tries === MOST_TRIES || !isSqlError(error) || !ENDED_FOR_OTHERS.test(error.code)) throw error;
      }
    }
  }

  listen(channel: string, heard: (payload: string) => void, gap: () => void): Promise<() => Promise<void>> {
    return this.#listener.listen(channel, heard, gap);
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#listener.close(), this.#pool.end()]).then(() => {});
    return this.#closing;
  }

  /** A connection of its own. One that was lost, or left in a transaction as a failed `script` may, is not used again. */
  async #with<T>(use: (client: pg.PoolClient) => Promise<T>, script = false): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw asUnavailable(error, this.#place, true);
    });
    // It may break while nothing is asked of it.
    const broken = () => {};
    client.on("error", broken);
    let lost = false;
    try {
      return await use(client);
    } catch (error) {
      lost = script || error instanceof DatabaseUnavailable;
      throw error;
    } finally {
      lost ||= client.getTransactionStatus() !== "I";
      if (!lost) client.off("error", broken);
      client.release(lost);
    }
  }
}
