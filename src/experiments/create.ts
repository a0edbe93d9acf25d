/** Experiments, put together: nothing is opened before somebody asks, or something was left unfinished. */
import { setTimeout as sleep } from "node:timers/promises";
import type { DatasetSource } from "../datasets/datasets.ts";
import type { Engine } from "../engine/protocol.ts";
import type { Log } from "../log.ts";
import type { Means } from "../runs/means.ts";
import type { ModelSource } from "../runs/served-models.ts";
import { DatabaseUnavailable } from "../store/database.ts";
import type { Store } from "../store/store.ts";
import { Backing } from "./backing.ts";
import { Computer } from "./computer.ts";
import { Experiments } from "./experiments.ts";
import { Followers } from "./followers.ts";
import { collectGarbage } from "./garbage.ts";
import { Keeper } from "./keeper.ts";
import { Mark } from "./mark.ts";
import { recover } from "./queueing.ts";
import { anyUnfinished } from "./repository.ts";
import { type ChunkOutcome, Worker } from "./worker.ts";

export interface ExperimentsOptions {
  readonly store: Store;
  readonly engine: Engine;
  readonly models: ModelSource;
  readonly datasets: DatasetSource;
  readonly means: Pick<Means, "get">;
  readonly log: Log;
  readonly dataDir: string;
  /** Chunks that are computed at a time; 0: none here. */
  readonly slots: number;
  readonly maxRunMemoryBytes: number;
  /** A chunk has ended here. */
  readonly counted: (outcome: ChunkOutcome) => void;
}

export interface ExperimentService {
  readonly experiments: Experiments;
  /** For the time after the start: goes on with what was left unfinished, and takes part in what replicas share. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Of the memory for runs, experiments leave half to others. */
const MEMORY_SHARE = 0.5;
/** Between tries to go on after a start, while the database cannot be used. */
const START_MS = { first: 250, most: 5_000 } as const;

export function createExperiments(options: ExperimentsOptions): ExperimentService {
  const { store, engine, models, datasets, means, log, dataDir, slots, maxRunMemoryBytes } = options;
  const mark = store.kind === "embedded" ? new Mark(dataDir) : null;
  const failed = (error: unknown) =>
    log.error("an experiment failed", { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  let trouble: string | null = null;
  let stopCollecting: (() => void) | null = null;
  const setTrouble = (reason: string | null) => {
    if (reason !== null && trouble === null) log.warn("experiments are paused", { reason });
    if (reason === null && trouble !== null) log.info("experiments go on", {});
    trouble = reason;
  };
  const followers = new Followers();
  const ended = () => void unmark().catch(() => {});
  const keeper = new Keeper(ended);
  const backing: Backing = new Backing({
    store,
    openJobs: async (db) => {
      const { openJobs } = await import("../store/jobs.ts");
      return openJobs(db, { available: (queue) => worker.wake(queue), failed });
    },
    told: (id) => followers.told(id),
    stopped: (id) => worker.stop(id),
    opened: async (ground) => {
      await recover(ground, new Set());
      if (ground.db.kind === "embedded") stopCollecting ??= collectGarbage();
      worker.start();
      ended();
    },
  });
  const computer = new Computer({ engine, models, means, memoryBytes: Math.floor(maxRunMemoryBytes * MEMORY_SHARE) });
  const worker: Worker = new Worker({
    open: () => backing.open(),
    computer,
    keeper,
    slots,
    trouble: setTrouble,
    foundAgain: recover,
    counted: options.counted,
    failed,
  });

  async function unmark(): Promise<void> {
    await mark?.remove(async () => anyUnfinished((await backing.open()).db));
  }

  const experiments = new Experiments({
    backing,
    keeper,
    followers,
    planning: { models, datasets, maxRunMemoryBytes },
    trouble: () => trouble,
    ended,
    starting: (start) => (mark ? mark.during(start) : start()),
  });
  const stopping = new AbortController();
  return {
    experiments,
    async start() {
      if (mark && !mark.isThere) return;
      for (let lost = 0; !stopping.signal.aborted; lost++) {
        try {
          await backing.open();
          if (lost > 0) setTrouble(null);
          return;
        } catch (error) {
          if (!(error instanceof DatabaseUnavailable)) failed(error);
          setTrouble(error instanceof Error ? error.message : String(error));
          const ms = Math.min(START_MS.most, START_MS.first * 2 ** lost);
          await sleep(ms, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
        }
      }
    },
    async stop() {
      stopping.abort();
      stopCollecting?.();
      await worker.close();
      await backing.close();
    },
  };
}
