/** How an experiment gets on: begun, told of, finished or failed; each a transaction with its event. */
import { LRUCache } from "lru-cache";
import type { Problem } from "../problem.ts";
import { problemDocument } from "../problem-document.ts";
import type { Database, Queryable } from "../store/database.ts";
import type { Ground } from "./backing.ts";
import { describe, progressOf } from "./describe.ts";
import { dropJobs, finishJob, UNFINISHED } from "./queueing.ts";
import {
  anyChunkLeft,
  appendEvent,
  changeState,
  countChunks,
  lockExperiment,
  STOP_CHANNEL,
  type StoredExperiment,
  writeResult,
} from "./repository.ts";
import type { ExperimentResult } from "./result.ts";
import { Tally } from "./tally.ts";

/** Between two tellings of progress: at least so long, and longer the longer it has taken, so that events stay few. */
const TELL_MS = { least: 500, share: 0.02 } as const;
/** Experiments whose numbers so far are held. */
const MAX_TALLIES = 8;

interface Told {
  readonly tally: Tally;
  at: number;
  /** One after the other: an output is added once. */
  turn: Promise<unknown>;
}

export class Keeper {
  readonly #tallies = new LRUCache<string, Told>({ max: MAX_TALLIES });
  /** Whether experiments are left that have not ended may have changed. */
  readonly #ended: () => void;

  constructor(ended: () => void) {
    this.#ended = ended;
  }

  /** The first chunk of a queued experiment is being computed. */
  async began(db: Database, id: string): Promise<void> {
    await db.transaction(async (tx) => {
      const experiment = await changeState(tx, id, ["queued"], { state: "running" });
      if (experiment) await appendState(tx, experiment);
    });
  }

  /** Once the last chunk is there, whoever is free adds up. (Chunks without units may be left.) The transaction has locked the experiment. */
  async askToFinish({ jobs }: Ground, tx: Queryable, id: string): Promise<void> {
    if (!(await anyChunkLeft(tx, id))) await jobs.enqueue(tx, "finish", [finishJob(id)]);
  }

  /** Numbers so far, if it is time to tell them. */
  async tell({ db }: Ground, experiment: StoredExperiment): Promise<void> {
    const told = this.#told(experiment);
    const pause = Math.max(TELL_MS.least, experiment.busy_ms * TELL_MS.share);
    if (Date.now() - told.at < pause || experiment.done >= experiment.total) return;
    told.at = Date.now();
    await this.#inTurn(told, async () => {
      await told.tally.advance(db);
      await db.transaction(async (tx) => {
        const now = await lockExperiment(tx, experiment.id);
        if (now?.state === "running") await appendProgress(tx, now, told.tally);
      });
    });
  }

  /** Adds up, writes the result, and tells. The job ends with it. */
  async finish(ground: Ground, id: string): Promise<void> {
    const { db, jobs } = ground;
    const experiment = await this.#readyToFinish(ground, id);
    if (!experiment) return;
    const told = this.#told(experiment);
    await this.#inTurn(told, async () => {
      await told.tally.advance(db);
      const chunks = await countChunks(db, id);
      if (told.tally.chunks !== chunks)
        throw new Error(`${told.tally.chunks} of ${chunks} chunks of experiment ${id} could be added up`);
      const result = await told.tally.finish();
      await db.transaction(async (tx) => {
        await lockExperiment(tx, id);
        const completed = await changeState(tx, id, UNFINISHED, { state: "completed" });
        if (completed) {
          await writeResult(tx, id, encodeResult(result));
          await appendProgress(tx, completed, told.tally);
          await appendState(tx, { ...completed, events: completed.events + 1 });
          await appendEvent(tx, id, "done", doneFields(result));
        }
        await jobs.complete(tx, "finish", finishJob(id).id);
      });
    });
    this.forget(id);
    this.#ended();
  }

  /** The experiment, if it goes on and all chunks are there; otherwise it cannot be added up now, and the job ends. */
  async #readyToFinish({ db, jobs }: Ground, id: string): Promise<StoredExperiment | null> {
    return db.transaction(async (tx) => {
      const experiment = await lockExperiment(tx, id);
      if (experiment && UNFINISHED.includes(experiment.state) && !(await anyChunkLeft(tx, id))) return experiment;
      await jobs.complete(tx, "finish", finishJob(id).id);
      return null;
    });
  }

  /** Ends an experiment with an error; its jobs go. */
  async fail(ground: Ground, id: string, problem: Problem): Promise<void> {
    await ground.db.transaction(async (tx) => {
      await lockExperiment(tx, id);
      const failed = await changeState(tx, id, UNFINISHED, { state: "failed", error: problemDocument(problem.data) });
      if (failed) await this.appendEnd(ground, tx, failed);
    });
    this.forget(id);
    this.#ended();
  }

  /** What is told when an experiment has failed or was cancelled; its jobs go. */
  async appendEnd(ground: Ground, tx: Queryable, ended: StoredExperiment): Promise<void> {
    await dropJobs(ground, tx, ended.id);
    await appendState(tx, ended);
    await appendEvent(
      tx,
      ended.id,
      "error",
      `"experiment_id":${JSON.stringify(ended.id)},"problem":${JSON.stringify(ended.error)}`,
    );
    await tx.query("SELECT pg_notify($1, $2)", [STOP_CHANNEL, ended.id]);
  }

  /** Lets numbers so far go. */
  forget(id: string): void {
    this.#tallies.delete(id);
  }

  #told({ id, spec }: StoredExperiment): Told {
    const known = this.#tallies.get(id);
    if (known) return known;
    const told: Told = { tally: new Tally(id, spec), at: 0, turn: Promise.resolve() };
    this.#tallies.set(id, told);
    return told;
  }

  #inTurn(told: Told, act: () => Promise<void>): Promise<void> {
    const turn = told.turn.then(act, act);
    told.turn = turn;
    return turn;
  }
}

/** The event of a changed state. */
export async function appendState(tx: Queryable, experiment: StoredExperiment): Promise<void> {
  // The event itself is the last one that its experiment counts.
  const shown = describe({ ...experiment, events: experiment.events + 1 });
  await appendEvent(tx, experiment.id, "state", `"experiment":${JSON.stringify(shown)}`);
}

async function appendProgress(tx: Queryable, experiment: StoredExperiment, tally: Tally): Promise<void> {
  const progress = JSON.stringify(progressOf(experiment)).slice(1, -1);
  await appendEvent(tx, experiment.id, "progress", `${progress},"rows":${JSON.stringify(tally.progress())}`);
}

/** A result as it is stored: JSON, NaN as null. */
export function encodeResult(result: ExperimentResult): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(result));
}

export function decodeResult(bytes: Uint8Array): ExperimentResult {
  return JSON.parse(new TextDecoder().decode(bytes)) as ExperimentResult;
}

function doneFields({ id, summary }: ExperimentResult): string {
  const result = `/v1/experiments/${id}/result`;
  return `"experiment_id":${JSON.stringify(id)},"summary":${JSON.stringify(summary)},"result":${JSON.stringify(result)}`;
}
