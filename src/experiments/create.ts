/** Experiments, put together: nothing is opened before somebody asks, or something was left unfinished. */
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DatasetSource } from "../datasets/datasets.ts";
import type { Engine } from "../engine/protocol.ts";
import type { Log } from "../log.ts";
import type { Means } from "../runs/means.ts";
import type { ModelSource } from "../runs/served-models.ts";
import type { Store } from "../store/store.ts";
import { Backing } from "./backing.ts";
import { Computer } from "./computer.ts";
import { Experiments, recover } from "./experiments.ts";
import { Followers } from "./followers.ts";
import { Keeper } from "./keeper.ts";
import { anyUnfinished } from "./repository.ts";
import { Worker } from "./worker.ts";

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
}

export interface ExperimentService {
  readonly experiments: Experiments;
  /** For the time after the start: goes on with what was left unfinished, and takes part in what replicas share. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Of the memory for runs, experiments leave half to others. */
const MEMORY_SHARE = 0.5;
/** There while an embedded database has experiments that have not ended: without it, it need not be opened at the start. */
const MARK = "experiments.unfinished";

export function createExperiments(options: ExperimentsOptions): ExperimentService {
  const { store, engine, models, datasets, means, log, dataDir, slots, maxRunMemoryBytes } = options;
  const mark = join(dataDir, MARK);
  const failed = (error: unknown) =>
    log.error("an experiment failed", { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  let trouble: string | null = null;
  const followers = new Followers();
  const keeper = new Keeper(() => void unmark().catch(failed));
  const backing: Backing = new Backing({
    store,
    openJobs: async (db) => {
      const { openJobs } = await import("../store/jobs.ts");
      return openJobs(db, { available: () => worker.wake(), failed });
    },
    told: (id) => followers.told(id),
    stopped: (id) => worker.stop(id),
    opened: async (ground) => {
      if (ground.db.kind === "embedded") await recover(ground);
      worker.start();
    },
  });
  const computer = new Computer({ engine, models, means, memoryBytes: Math.floor(maxRunMemoryBytes * MEMORY_SHARE) });
  const worker: Worker = new Worker({
    open: () => backing.open(),
    computer,
    keeper,
    slots,
    trouble: (reason) => {
      if (reason !== null && trouble === null) log.warn("experiments are paused", { reason });
      if (reason === null && trouble !== null) log.info("experiments go on", {});
      trouble = reason;
    },
    failed,
  });

  /** Written before anybody is told of the experiment's start. */
  async function begun(): Promise<void> {
    if (store.kind !== "embedded" || existsSync(mark)) return;
    await mkdir(dirname(mark), { recursive: true });
    await writeFile(mark, "");
  }

  async function unmark(): Promise<void> {
    if (store.kind !== "embedded") return;
    const { db } = await backing.open();
    if (!(await anyUnfinished(db))) await rm(mark, { force: true });
  }

  const experiments = new Experiments({
    backing,
    keeper,
    followers,
    planning: { models, datasets, maxRunMemoryBytes },
    trouble: () => trouble,
    begun,
  });
  return {
    experiments,
    async start() {
      if (store.kind === "postgres" || existsSync(mark)) await backing.open();
    },
    async stop() {
      await worker.close();
      await backing.close();
    },
  };
}
