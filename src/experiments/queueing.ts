/** The jobs of experiments: one for every chunk that has no output, or one that adds up where all have. */
import { createHash } from "node:crypto";
import type { ExperimentState } from "../schemas/experiments/experiment.ts";
import type { Queryable } from "../store/database.ts";
import type { NewJob } from "../store/jobs.ts";
import type { Ground } from "./backing.ts";
import { type ChunkJob, chunkJobs, listExperiments, lockExperiment } from "./repository.ts";

/** What a job carries. */
export interface JobData {
  readonly experiment: string;
  /** -1: to add up. */
  readonly chunk: number;
}

/** States of experiments that go on. */
export const UNFINISHED: readonly ExperimentState[] = ["queued", "running", "paused"];
/** Experiments that are looked through after a start. */
const MOST_RECOVERED = 10_000;

/** The job that adds an experiment up. There is one: its id, a UUID, goes by the experiment's. */
export function finishJob(experiment: string): NewJob {
  const hex = createHash("sha256").update(`finish ${experiment}`).digest("hex");
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return { id, data: { experiment, chunk: -1 } satisfies JobData };
}

/** Queues chunks, but for those whose job is there already. */
export async function queueChunks(
  { jobs }: Ground,
  tx: Queryable,
  experiment: string,
  chunks: readonly ChunkJob[],
): Promise<void> {
  await jobs.enqueue(
    tx,
    "chunks",
    chunks.map(({ job, chunk }) => ({ id: job, data: { experiment, chunk } satisfies JobData })),
  );
}

/**
 * Queues what is left of an experiment, but for what is queued already. With `inHand`, jobs that somebody has taken are
 * queued anew too, all but these. The transaction has locked the experiment.
 */
export async function queueRest(ground: Ground, tx: Queryable, id: string, inHand: ReadonlySet<string> | null): Promise<void> {
  const left = await chunkJobs(tx, id, true);
  const finish = finishJob(id);
  const anew = (job: string) => inHand !== null && !inHand.has(job);
  if (left.length === 0) {
    if (anew(finish.id)) await ground.jobs.drop(tx, "finish", [finish.id]);
    return ground.jobs.enqueue(tx, "finish", [finish]);
  }
  const taken = left.map(({ job }) => job).filter(anew);
  await ground.jobs.drop(tx, "chunks", taken);
  await queueChunks(ground, tx, id, left);
}

/** Removes all jobs of an experiment that has ended. The transaction has locked it. */
export async function dropJobs({ jobs }: Ground, tx: Queryable, id: string): Promise<void> {
  const left = await chunkJobs(tx, id, true);
  await jobs.drop(
    tx,
    "chunks",
    left.map(({ job }) => job),
  );
  await jobs.drop(tx, "finish", [finishJob(id).id]);
}

/**
 * Makes sure that every experiment that goes on has its jobs. On a database that nobody else uses, those that a process had
 * taken which died are queued anew, all but `inHand`; where replicas share one, they come back when their heartbeat runs out.
 */
export async function recover(ground: Ground, inHand: ReadonlySet<string>): Promise<void> {
  const alone = ground.db.kind === "embedded";
  const unfinished = await listExperiments(ground.db, { limit: MOST_RECOVERED, states: UNFINISHED });
  for (const { id } of unfinished) {
    await ground.db.transaction(async (tx) => {
      const experiment = await lockExperiment(tx, id);
      if (experiment && UNFINISHED.includes(experiment.state)) await queueRest(ground, tx, id, alone ? inHand : null);
    });
  }
}
