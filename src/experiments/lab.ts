/** What computing a chunk may use: the engine, in the background, for one model. */
import type { CensusJob, CensusRows, Engine, LayerEvent, ReadoutSpec, ResultEvent, RunJob } from "../engine/protocol.ts";
import { Problem } from "../problem.ts";
import type { MeanTable } from "../runs/mean-files.ts";
import type { MeanTexts } from "../runs/mean-texts.ts";
import type { Means } from "../runs/means.ts";
import { newRunId } from "../runs/run-id.ts";
import type { ServedModel } from "../runs/served-models.ts";
import { jobBytes } from "./captured.ts";
import type { Censuses } from "./censuses.ts";
import type { MemoryGate } from "./memory-gate.ts";

/** A prompt under some schedules, without what is the same for all of an experiment's runs. */
export type LabJob = Pick<RunJob, "tokens" | "schedules" | "baseline"> &
  Partial<Pick<RunJob, "capture" | "capturePositions" | "captureBlocks" | "neurons" | "vectors" | "sources" | "cells">> & {
    readonly readout: Partial<ReadoutSpec>;
  };

/** All that a run says. */
export interface RunOutput {
  readonly layers: readonly LayerEvent[];
  readonly result: ResultEvent;
}

export interface LabParts {
  readonly engine: Engine;
  readonly model: ServedModel;
  readonly signal: AbortSignal;
  readonly gate: MemoryGate;
  readonly means: Pick<Means, "get">;
  readonly censuses: Pick<Censuses, "get">;
}

export class Lab {
  readonly model: ServedModel;
  /** Aborted when the chunk is given up. */
  readonly signal: AbortSignal;
  readonly #parts: LabParts;

  constructor(parts: LabParts) {
    this.#parts = parts;
    this.model = parts.model;
    this.signal = parts.signal;
  }

  /**
   * Runs a job in the background: interactive runs overtake it between two calls. Read-outs are of the last step, one
   * top token, unless asked otherwise. Throws the `Problem` that ended it.
   */
  async run(job: LabJob): Promise<RunOutput> {
    const { engine, model, signal, gate } = this.#parts;
    const whole = fullJob(model, job);
    const release = await gate.enter(jobBytes(model, whole), signal);
    try {
      const layers: LayerEvent[] = [];
      let result: ResultEvent | null = null;
      for await (const event of engine.run(whole, signal)) {
        if (event.type === "layer") layers.push(event);
        else if (event.type === "result") result = event;
        else if (event.type === "error") throw new Problem(event.problem.code, event.problem.detail, event.problem.errors);
      }
      if (!result) throw new Problem("engine_failed", "The engine ended a run without a result.");
      return { layers, result };
    } finally {
      release();
    }
  }

  /** `work` for every item side by side, results in the items' order. Waits for all, also where one fails: nothing goes on unseen. */
  async all<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
    const settled = await Promise.allSettled(items.map((item, index) => work(item, index)));
    return settled.map((each) => {
      if (each.status === "rejected") throw each.reason;
      return each.value;
    });
  }

  /** Means of components over texts (their tokens), computed once and shared. */
  means(texts: MeanTexts): Promise<MeanTable> {
    return this.#parts.means.get(this.model, texts, this.signal);
  }

  /** The census of one layer's neurons, taken once and shared. Throws the `Problem` that kept it from being taken. */
  census(job: Pick<CensusJob, "layer" | "weights" | "tokenSets">): Promise<CensusRows> {
    const { censuses, model, signal } = this.#parts;
    return censuses.get({ ...job, model: model.id, revision: model.revision }, signal);
  }
}

/** The engine's job; also what its cost is estimated from before an experiment starts. */
export function fullJob(model: Pick<ServedModel, "id" | "revision">, { readout, ...job }: LabJob): RunJob {
  return {
    capture: [],
    ...job,
    id: newRunId(),
    model: model.id,
    revision: model.revision,
    readout: {
      positions: [job.tokens.length - 1],
      layers: "final",
      topK: 1,
      lens: "standard",
      targets: [],
      ranks: false,
      ...readout,
    },
    // What is read out after every step comes with the steps' events.
    ...(readout.layers !== "all" && { quiet: true }),
    priority: "background",
  };
}
