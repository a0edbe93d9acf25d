/** Experiments as rows: every statement that is made about them. Each change and its event are one transaction. */
import { randomUUID } from "node:crypto";
import type { ExperimentState } from "../schemas/experiments/experiment.ts";
import type { ProblemDocument } from "../schemas/problem.ts";
import type { Queryable } from "../store/database.ts";
import type { Study } from "./study.ts";

/** NOTIFY: an experiment has new events (its id). */
export const EVENTS_CHANNEL = "stratascope_experiments";
/** NOTIFY: whoever computes for this experiment gives up (its id). */
export const STOP_CHANNEL = "stratascope_stop";

export interface StoredExperiment {
  readonly id: string;
  readonly kind: string;
  readonly model: string;
  readonly state: ExperimentState;
  readonly spec: Study;
  readonly total: number;
  readonly done: number;
  readonly events: number;
  readonly reason: string | null;
  readonly error: ProblemDocument | null;
  readonly request_hash: string;
  readonly busy_ms: number;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

/** Everything but the result. */
const COLUMNS =
  "id, kind, model, state, spec, total, done, events, reason, error, request_hash, busy_ms, created_at, started_at, finished_at";
const EXPERIMENTS = "stratascope.experiments";
const CHUNKS = "stratascope.experiment_chunks";
const EVENTS = "stratascope.experiment_events";
/** Rows of one INSERT. */
const ROWS_PER_INSERT = 200;

export interface NewExperiment {
  readonly id: string;
  readonly study: Study;
  readonly total: number;
  readonly idempotencyKey: string | null;
  readonly requestHash: string;
}

/** A chunk with the job that computes it. */
export interface ChunkJob {
  readonly job: string;
  readonly chunk: number;
}

export interface StoredChunk {
  readonly chunk: number;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

/** Inserts an experiment. Null: its idempotency key is taken. */
export async function insertExperiment(tx: Queryable, given: NewExperiment): Promise<StoredExperiment | null> {
  const { id, study, total, idempotencyKey, requestHash } = given;
  const [row] = await tx.query<StoredExperiment>(
    `INSERT INTO ${EXPERIMENTS} (id, kind, model, state, spec, total, idempotency_key, request_hash, created_at)
     VALUES ($1, $2, $3, 'queued', $4::jsonb, $5, $6, $7, now())
     ON CONFLICT (idempotency_key) DO NOTHING RETURNING ${COLUMNS}`,
    [id, study.kind, study.model.id, JSON.stringify(study), total, idempotencyKey, requestHash],
  );
  return row ?? null;
}

/** Inserts its chunks, `inputs` packed, the first being number 0. Returns the jobs that they are to be computed by. */
export async function insertChunks(tx: Queryable, id: string, inputs: readonly Uint8Array[]): Promise<ChunkJob[]> {
  const jobs = inputs.map((_, chunk) => ({ job: randomUUID() as string, chunk }));
  for (let from = 0; from < inputs.length; from += ROWS_PER_INSERT) {
    const some = jobs.slice(from, from + ROWS_PER_INSERT);
    const values = some.map((_, i) => `($1, $${3 * i + 2}::int, $${3 * i + 3}::uuid, $${3 * i + 4}::bytea)`);
    await tx.query(`INSERT INTO ${CHUNKS} (experiment_id, chunk, job_id, input) VALUES ${values.join()}`, [
      id,
      ...some.flatMap(({ job, chunk }) => [chunk, job, inputs[chunk]]),
    ]);
  }
  return jobs;
}

export async function findExperiment(db: Queryable, id: string): Promise<StoredExperiment | null> {
  const [row] = await db.query<StoredExperiment>(`SELECT ${COLUMNS} FROM ${EXPERIMENTS} WHERE id = $1`, [id]);
  return row ?? null;
}

/** Like `findExperiment`; until the transaction ends nobody else changes it, its chunks' outputs or its events. */
export async function lockExperiment(tx: Queryable, id: string): Promise<StoredExperiment | null> {
  const [row] = await tx.query<StoredExperiment>(`SELECT ${COLUMNS} FROM ${EXPERIMENTS} WHERE id = $1 FOR UPDATE`, [id]);
  return row ?? null;
}

export async function findByKey(db: Queryable, key: string): Promise<StoredExperiment | null> {
  const [row] = await db.query<StoredExperiment>(`SELECT ${COLUMNS} FROM ${EXPERIMENTS} WHERE idempotency_key = $1`, [key]);
  return row ?? null;
}

export interface ListFilter {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly model?: string | undefined;
  readonly kind?: string | undefined;
  readonly states?: readonly ExperimentState[] | undefined;
}

/** The newest first. */
export async function listExperiments(
  db: Queryable,
  { limit, cursor, model, kind, states }: ListFilter,
): Promise<StoredExperiment[]> {
  const values: unknown[] = [limit];
  const conditions: string[] = [];
  const where = (condition: string, value: unknown) => {
    values.push(value);
    conditions.push(condition.replace("?", `$${values.length}`));
  };
  if (cursor !== undefined) where("id < ?", cursor);
  if (model !== undefined) where("model = ?", model);
  if (kind !== undefined) where("kind = ?", kind);
  if (states !== undefined) where("state = ANY(string_to_array(?, ','))", states.join());
  const filter = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "";
  return db.query<StoredExperiment>(`SELECT ${COLUMNS} FROM ${EXPERIMENTS} ${filter} ORDER BY id DESC LIMIT $1`, values);
}

export interface Change {
  readonly state: ExperimentState;
  readonly error?: ProblemDocument | null;
}

/** Another state, from one of `from` only. Null: it is in none of these. */
export async function changeState(
  tx: Queryable,
  id: string,
  from: readonly ExperimentState[],
  { state, error = null }: Change,
): Promise<StoredExperiment | null> {
  const ended = state === "completed" || state === "failed" || state === "cancelled";
  const [row] = await tx.query<StoredExperiment>(
    `UPDATE ${EXPERIMENTS} SET state = $2, error = $3::jsonb,
       started_at = CASE WHEN $2 = 'running' THEN coalesce(started_at, now()) ELSE started_at END,
       progress_at = CASE WHEN $2 = 'running' THEN now() ELSE progress_at END,
       finished_at = CASE WHEN $4 THEN now() ELSE NULL END
     WHERE id = $1 AND state = ANY(string_to_array($5, ',')) RETURNING ${COLUMNS}`,
    [id, state, error === null ? null : JSON.stringify(error), ended, from.join()],
  );
  return row ?? null;
}

/** Appends an event; `fields` is the text of its fields but type and seq. Tells all who follow, on every replica, at commit. */
export async function appendEvent(tx: Queryable, id: string, type: string, fields: string): Promise<void> {
  await tx.query(
    `WITH next AS (UPDATE ${EXPERIMENTS} SET events = events + 1 WHERE id = $1 RETURNING events)
     INSERT INTO ${EVENTS} (experiment_id, seq, type, json)
     SELECT $1, events, $2::text, '{"type":"' || $2::text || '","seq":' || events || ',' || $3::text || '}' FROM next`,
    [id, type, fields],
  );
  await tx.query("SELECT pg_notify($1, $2)", [EVENTS_CHANNEL, id]);
}

export interface StoredEvent {
  readonly seq: number;
  readonly type: string;
  readonly json: string;
}

/** Events after `after`, in order. */
export async function readEvents(db: Queryable, id: string, after: number, limit: number): Promise<StoredEvent[]> {
  return db.query<StoredEvent>(
    `SELECT seq, type, json FROM ${EVENTS} WHERE experiment_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
    [id, after, limit],
  );
}

/** A chunk's input, and whether its output is there. */
export async function findChunk(
  db: Queryable,
  id: string,
  chunk: number,
): Promise<{ readonly input: Uint8Array; readonly finished: boolean } | null> {
  const [row] = await db.query<{ input: Uint8Array; finished: boolean }>(
    `SELECT input, output IS NOT NULL AS finished FROM ${CHUNKS} WHERE experiment_id = $1 AND chunk = $2`,
    [id, chunk],
  );
  return row ?? null;
}

/**
 * Writes a chunk's output, once, and returns the experiment with its new counts; null where the output is there already
 * or the experiment is not. `ms`: how long it took; time between chunks counts only as far as this one was at work, so that
 * pauses do not slow the rate. The transaction has locked the experiment.
 */
export async function writeOutput(
  tx: Queryable,
  id: string,
  chunk: number,
  output: Uint8Array,
  { units, ms }: { readonly units: number; readonly ms: number },
): Promise<StoredExperiment | null> {
  const written = await tx.query(
    `UPDATE ${CHUNKS} SET output = $3, finished_at = now() WHERE experiment_id = $1 AND chunk = $2 AND output IS NULL RETURNING chunk`,
    [id, chunk, output],
  );
  if (written.length === 0) return null;
  const [experiment] = await tx.query<StoredExperiment>(
    `UPDATE ${EXPERIMENTS} SET done = done + $2::int,
       busy_ms = busy_ms + greatest(0, least($3::float8, extract(epoch FROM clock_timestamp() - coalesce(progress_at, started_at, clock_timestamp())) * 1000)),
       progress_at = clock_timestamp()
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [id, units, ms],
  );
  return experiment ?? null;
}

/** Bytes of chunks that are read at a time, unless one alone is larger. */
const BYTES_AT_ONCE = 8 * 2 ** 20;

/** Finished chunks from number `from` on without a gap, at most `limit` of them and no more than memory bears; none: there are no more. */
export async function readOutputs(db: Queryable, id: string, from: number, limit: number): Promise<StoredChunk[]> {
  const rows = await db.query<StoredChunk>(
    `SELECT chunk, input, output FROM (
       SELECT chunk, input, output, sum(octet_length(input) + octet_length(output)) OVER (ORDER BY chunk) AS bytes
       FROM ${CHUNKS} WHERE experiment_id = $1 AND chunk >= $2 AND chunk < $2 + $3 AND output IS NOT NULL) AS found
     WHERE chunk = $2 OR bytes <= $4 ORDER BY chunk`,
    [id, from, limit, BYTES_AT_ONCE],
  );
  const gap = rows.findIndex(({ chunk }, i) => chunk !== from + i);
  return gap < 0 ? rows : rows.slice(0, gap);
}

/** Jobs of chunks: of all, or of those without an output. */
export async function chunkJobs(db: Queryable, id: string, unfinished: boolean): Promise<ChunkJob[]> {
  return db.query<ChunkJob>(
    `SELECT job_id AS job, chunk FROM ${CHUNKS} WHERE experiment_id = $1 ${unfinished ? "AND output IS NULL" : ""} ORDER BY chunk`,
    [id],
  );
}

/** Whether a chunk of an experiment has no output. */
export async function anyChunkLeft(db: Queryable, id: string): Promise<boolean> {
  const rows = await db.query(`SELECT 1 FROM ${CHUNKS} WHERE experiment_id = $1 AND output IS NULL LIMIT 1`, [id]);
  return rows.length > 0;
}

/** How many chunks an experiment has. */
export async function countChunks(db: Queryable, id: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${CHUNKS} WHERE experiment_id = $1`, [id]);
  return row?.count ?? 0;
}

export async function writeResult(tx: Queryable, id: string, result: Uint8Array): Promise<void> {
  await tx.query(`UPDATE ${EXPERIMENTS} SET result = $2 WHERE id = $1`, [id, result]);
}

export async function readResult(db: Queryable, id: string): Promise<Uint8Array | null> {
  const [row] = await db.query<{ result: Uint8Array | null }>(`SELECT result FROM ${EXPERIMENTS} WHERE id = $1`, [id]);
  return row?.result ?? null;
}

/** Removes an experiment that has ended, with all that belongs to it. */
export async function deleteExperiment(tx: Queryable, id: string): Promise<void> {
  await tx.query(`DELETE FROM ${EXPERIMENTS} WHERE id = $1 AND finished_at IS NOT NULL`, [id]);
}

/** Whether some experiment has not ended. */
export async function anyUnfinished(db: Queryable): Promise<boolean> {
  const rows = await db.query(`SELECT 1 FROM ${EXPERIMENTS} WHERE state IN ('queued', 'running', 'paused') LIMIT 1`);
  return rows.length > 0;
}
