/** Statements and transactions on a connection of `pg`, the same for a server and for the embedded database. */
import type { ClientBase, QueryResult } from "pg";
import type { Queryable } from "./database.ts";
import { Turns } from "./turns.ts";
import { asUnavailable } from "./unavailable.ts";

type Runs = Pick<ClientBase, "query">;

/** What one statement, or several without values, came to. Throws like `Queryable.query`; `place`: the database, for people. */
async function ask(on: Runs, place: string, sql: string, values?: readonly unknown[]): Promise<QueryResult[]> {
  try {
    const result = (await on.query(sql, values?.length ? [...values] : undefined)) as QueryResult | QueryResult[];
    return Array.isArray(result) ? result : [result];
  } catch (error) {
    throw asUnavailable(error, place);
  }
}

/** The rows of one statement, or of several without values. Throws like `Queryable.query`. */
export async function run<Row>(on: Runs, place: string, sql: string, values?: readonly unknown[]): Promise<Row[]> {
  return (await ask(on, place, sql, values)).flatMap(({ rows }) => rows);
}

/** A transaction on a connection that nobody else uses meanwhile. */
export async function transact<T>(client: ClientBase, place: string, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const turns = new Turns();
  let over = false;
  const tx: Queryable = {
    query: (sql, values) =>
      turns.take(async () => {
        if (over) throw new Error("The transaction is over: nothing more can be asked of it.");
        return run(client, place, sql, values);
      }),
  };
  await ask(client, place, "BEGIN");
  try {
    const done = await work(tx);
    await turns.take(async () => (over = true));
    // Where a statement had failed and nobody minded, it is a ROLLBACK.
    const [ended] = await ask(client, place, "COMMIT");
    if (ended?.command !== "COMMIT") throw new Error("Nothing was committed: a statement of the transaction had failed.");
    return done;
  } catch (error) {
    await turns.take(async () => (over = true));
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}
