/** Which errors say that a database cannot be used now, and how that is told. */
import { DatabaseUnavailable } from "./database.ts";

/**
 * SQLSTATEs (PostgreSQL's appendix A): connection exceptions; transactions that idled too long or took too long; a server
 * that only reads, since it is not the primary any more; insufficient resources, a full disk among them; a server that shuts
 * down, crashed or starts; system errors, as of a failing disk.
 */
const UNAVAILABLE = /^(08...|25P0[34]|25006|53...|57P..|58...)$/;

/** An error that the database itself reported. */
interface SqlError extends Error {
  /** SQLSTATE. */
  readonly code: string;
  readonly severity: string;
}

/** Whether the database reported it: it has an SQLSTATE and a severity. */
export function isSqlError(error: unknown): error is SqlError {
  const { code, severity } = error as Partial<SqlError>;
  return error instanceof Error && typeof severity === "string" && /^[0-9A-Z]{5}$/.test(code ?? "");
}

/**
 * What `pg` threw, as callers see it: `DatabaseUnavailable` where the database cannot be used now, anything else as it is.
 * `place`: the database, for people, without a password. `connecting`: whatever the server says then, it lets nobody in.
 */
export function asUnavailable(error: unknown, place: string, connecting = false): unknown {
  if (!(error instanceof Error) || error instanceof DatabaseUnavailable) return error;
  // Without an SQLSTATE it is the connection's error, or that of a value which cannot be sent or read.
  const ours = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
  const unavailable = isSqlError(error) ? connecting || UNAVAILABLE.test(error.code) : !ours;
  return unavailable ? new DatabaseUnavailable(`${place} cannot be used: ${reason(error)}`, { cause: error }) : error;
}

/** The message, or where a name has several addresses, that of the first. */
function reason(error: Error): string {
  const first: Error | undefined = error instanceof AggregateError ? error.errors[0] : error;
  return first?.message || error.message || ((error as NodeJS.ErrnoException).code ?? "no reason was given");
}
