/** Logs as rows: every statement that is made about them. */
import type { ProblemDocument } from "../../schemas/problem.ts";
import type { RunSummary } from "../../schemas/runs.ts";
import type { Queryable } from "../../store/database.ts";
import type { EventType, WireEvent } from "../wire-event.ts";
import type { LogEnd, LogHeader, LogQuery, Retention } from "./run-logs.ts";

/** NOTIFY: a log has grown, or has its end (its id). */
export const LOG_CHANNEL = "stratascope_runs";
/** NOTIFY: whoever runs it cancels it (its id). */
export const CANCEL_CHANNEL = "stratascope_run_cancel";

const RUNS = "stratascope.runs";
const EVENTS = "stratascope.run_events";
/** Events and bytes of one read. */
const PAGE = { events: 1000, bytes: 262_144 } as const;
const LIST_ROWS = 100;
/** Orphans that are told at once: one process cannot go on with more of them soon. */
const ORPHANS = 256;

export interface RunRow {
  readonly id: string;
  readonly header: LogHeader;
  readonly state: RunSummary["state"];
  readonly events: number;
  readonly error: ProblemDocument | null;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly held: boolean;
}

export interface TakenRow {
  readonly header: LogHeader;
  readonly events: number;
  readonly bytes: number;
  readonly takes: number;
  readonly cancelled: boolean;
}

/** A log is its owner's, and its owner lives: $n is the number of seconds after which a heartbeat counts no more. */
const held = (n: number) => `(owner IS NOT NULL AND heartbeat_at > now() - make_interval(secs => $${n}))`;

/** Inserts a log that does not exist yet. */
export async function insertRun(
  db: Queryable,
  { id, model, created_at }: LogHeader,
  header: string,
  owner: string,
): Promise<void> {
  await db.query(
    `INSERT INTO ${RUNS} (id, model, state, header, owner, heartbeat_at, created_at, events, bytes)
     VALUES ($1, $2, 'queued', $3, $4, now(), $5, 0, 0) ON CONFLICT (id) DO NOTHING`,
    [id, model, header, owner, created_at],
  );
}

/** Inserts events, as long as the log is its owner's. `bytes`: of the whole log. False: it is not. */
export async function insertEvents(
  db: Queryable,
  id: string,
  owner: string,
  { events, bytes, startedAt }: { events: readonly WireEvent[]; bytes: number; startedAt: string | null },
): Promise<boolean> {
  const rows = await db.query(
    `WITH mine AS (
       UPDATE ${RUNS} SET events = greatest(events, $3::int), bytes = $4, heartbeat_at = now(),
         started_at = coalesce(started_at, $5::timestamptz),
         state = CASE WHEN $5::timestamptz IS NULL THEN state ELSE 'running' END
       WHERE id = $1 AND owner = $2 AND finished_at IS NULL RETURNING id
     ), stored AS (
       INSERT INTO ${EVENTS} (run_id, seq, type, json)
       SELECT mine.id, event.seq, event.type, event.json
       FROM mine, unnest($6::int[], $7::text[], $8::text[]) AS event (seq, type, json)
       ON CONFLICT DO NOTHING
     )
     SELECT pg_notify('${LOG_CHANNEL}', id) FROM mine`,
    [
      ...[id, owner, events.at(-1)?.seq ?? 0, bytes, startedAt],
      ...[events.map(({ seq }) => seq), events.map(({ type }) => type), events.map(({ json }) => json)],
    ],
  );
  return rows.length > 0;
}

/** Ends a log, as long as it is its owner's; may be repeated. False: it is not. */
export async function endRun(
  db: Queryable,
  id: string,
  owner: string,
  { end, started_at, finished_at }: LogEnd,
  error: ProblemDocument | null,
): Promise<boolean> {
  const rows = await db.query(
    `WITH mine AS (
       UPDATE ${RUNS} SET state = $3, started_at = coalesce(started_at, $4), finished_at = $5, error = $6
       WHERE id = $1 AND owner = $2 AND (finished_at IS NULL OR finished_at = $5) RETURNING id
     )
     SELECT pg_notify('${LOG_CHANNEL}', id) FROM mine`,
    [id, owner, end, started_at, finished_at, error && JSON.stringify(error)],
  );
  return rows.length > 0;
}

/** The owner lives. The logs that are its own, and whether somebody asked for them to be cancelled. */
export function beatOf(db: Queryable, owner: string): Promise<{ readonly id: string; readonly cancelled: boolean }[]> {
  return db.query(
    `UPDATE ${RUNS} SET heartbeat_at = now() WHERE owner = $1 AND finished_at IS NULL
     RETURNING id, coalesce((summary ->> 'cancel')::boolean, false) AS cancelled`,
    [owner],
  );
}

/** Gives a log away. */
export async function disownRun(db: Queryable, id: string, owner: string): Promise<void> {
  await db.query(`UPDATE ${RUNS} SET owner = NULL, state = 'queued' WHERE id = $1 AND owner = $2 AND finished_at IS NULL`, [
    id,
    owner,
  ]);
}

/** Logs without an end whose owner has not been heard of for so long. */
export async function orphanedRuns(db: Queryable, staleSeconds: number): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `SELECT id FROM ${RUNS} WHERE finished_at IS NULL AND NOT ${held(1)} ORDER BY id LIMIT ${ORPHANS}`,
    [staleSeconds],
  );
  return rows.map(({ id }) => id);
}

/** Makes it the owner's, when it was nobody's. Null: it was not. */
export async function takeRun(db: Queryable, id: string, owner: string, staleSeconds: number): Promise<TakenRow | null> {
  const [row] = await db.query<TakenRow>(
    `UPDATE ${RUNS} SET owner = $2, heartbeat_at = now(), state = 'queued',
       summary = coalesce(summary, '{}') || jsonb_build_object('taken_at', events, 'takes',
         CASE WHEN (summary ->> 'taken_at')::int = events THEN (summary ->> 'takes')::int + 1 ELSE 1 END)
     WHERE id = $1 AND finished_at IS NULL AND NOT ${held(3)}
     RETURNING header, events::int AS events, bytes::float8 AS bytes, (summary ->> 'takes')::int AS takes,
       coalesce((summary ->> 'cancel')::boolean, false) AS cancelled`,
    [id, owner, staleSeconds],
  );
  return row ?? null;
}

/** Has whoever runs it cancel it: told now, and found with its next heartbeat. */
export async function cancelRun(db: Queryable, id: string): Promise<void> {
  await db.query(
    `WITH asked AS (
       UPDATE ${RUNS} SET summary = coalesce(summary, '{}') || '{"cancel": true}' WHERE id = $1 AND finished_at IS NULL RETURNING id
     )
     SELECT pg_notify('${CANCEL_CHANNEL}', id) FROM asked`,
    [id],
  );
}

const columns = (n: number) => `id, header, state, events::int AS events, error, started_at, finished_at, ${held(n)} AS held`;

export async function findRun(db: Queryable, id: string, staleSeconds: number): Promise<RunRow | null> {
  const [row] = await db.query<RunRow>(`SELECT ${columns(2)} FROM ${RUNS} WHERE id = $1`, [id, staleSeconds]);
  return row ?? null;
}

/** One page, the newest first. */
export function listRuns(db: Queryable, { cursor, model, state }: LogQuery, staleSeconds: number): Promise<RunRow[]> {
  return db.query(
    `SELECT ${columns(4)} FROM ${RUNS}
     WHERE ($1::text IS NULL OR id < $1) AND ($2::text IS NULL OR model = $2) AND ($3::text IS NULL OR state = $3)
     ORDER BY id DESC LIMIT ${LIST_ROWS}`,
    [cursor ?? null, model ?? null, state ?? null, staleSeconds],
  );
}

/** The events after one, in order: some of them, or none that are there now. */
export async function readEvents(db: Queryable, id: string, after: number): Promise<WireEvent[]> {
  return db.query<{ seq: number; type: EventType; json: string }>(
    `SELECT seq::int AS seq, type, json FROM (
       SELECT seq, type, json, sum(octet_length(json)) OVER (ORDER BY seq) - octet_length(json) AS before
       FROM (SELECT seq, type, json FROM ${EVENTS} WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT ${PAGE.events}) AS next
     ) AS page WHERE before < ${PAGE.bytes} ORDER BY seq`,
    [id, after],
  );
}

/** Removes the log of a run that is over. */
export async function deleteRun(db: Queryable, id: string): Promise<void> {
  await db.query(
    `WITH gone AS (DELETE FROM ${RUNS} WHERE id = $1 AND finished_at IS NOT NULL RETURNING id)
     DELETE FROM ${EVENTS} USING gone WHERE run_id = gone.id`,
    [id],
  );
}

/** Removes the logs of runs that are over and beyond the retention. Another process may do the same at the same time. */
export async function deleteOldRuns(db: Queryable, { runs, bytes, seconds }: Retention): Promise<void> {
  await db.query(
    `WITH ranked AS (
       SELECT id, finished_at, row_number() OVER newest AS nth, sum(bytes) OVER newest AS size
       FROM ${RUNS} WHERE finished_at IS NOT NULL WINDOW newest AS (ORDER BY id DESC)
     ), old AS (
       SELECT id FROM ${RUNS} WHERE id IN (
         SELECT id FROM ranked WHERE nth > $1::int OR size > $2::float8
           OR ($3::float8 IS NOT NULL AND finished_at < now() - make_interval(secs => $3::float8))
       ) ORDER BY id FOR UPDATE SKIP LOCKED
     ), gone AS (DELETE FROM ${EVENTS} USING old WHERE run_id = old.id)
     DELETE FROM ${RUNS} USING old WHERE ${RUNS}.id = old.id`,
    [runs, bytes, seconds],
  );
}
