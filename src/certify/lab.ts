/** One model in one engine process, as a service would run it: jobs in, numbers out. */
import { randomUUID } from "node:crypto";
import { createEngine } from "../engine/client.ts";
import type { ModelSpec } from "../engine/model-spec.ts";
import type { ProcessOptions } from "../engine/options.ts";
import type {
  Engine,
  EngineStats,
  LayerEvent,
  ModelStatus,
  ReadoutRows,
  ReadoutSpec,
  ResultEvent,
  RunJob,
} from "../engine/protocol.ts";
import { baselineSchedule, type Schedule } from "../engine/schedule.ts";
import { Problem } from "../problem.ts";

/** A job; unless it says otherwise the untouched model, the likeliest token of every position, at the end. */
export type LabJob = { readonly readout?: Partial<ReadoutSpec> } & Pick<RunJob, "tokens"> &
  Partial<Pick<RunJob, "schedules" | "baseline" | "capture" | "neurons" | "vectors" | "sources">>;

/** The stream and its norms at every step, and what is read out of it there: what runs are compared by, bit for bit. */
export const EVERYTHING = {
  capture: ["residuals", "norms"],
  readout: { layers: "all", topK: 16 },
} as const satisfies Partial<LabJob>;

/** Everything that a job sent. */
export interface Observed {
  readonly layers: readonly LayerEvent[];
  readonly result: ResultEvent;
}

/** How often, and how long, to wait for the counters of a run that is over. */
const STATS = { everyMs: 10, atMostMs: 2000 };

/** What checks of single runs need of a lab. */
export type Observer = Pick<Lab, "spec" | "observe">;

export class Lab {
  readonly spec: ModelSpec;
  readonly status: ModelStatus;
  readonly #engine: Engine;
  readonly #model: string;
  readonly #signal: AbortSignal;

  private constructor(engine: Engine, model: string, spec: ModelSpec, status: ModelStatus, signal: AbortSignal) {
    this.#engine = engine;
    this.#model = model;
    this.spec = spec;
    this.status = status;
    this.#signal = signal;
  }

  /** Starts an engine process and loads the model. Throws the `Problem` that kept it from loading. */
  static async open(
    options: ProcessOptions,
    model: string,
    spec: ModelSpec,
    signal: AbortSignal,
    log: (line: string) => void,
  ): Promise<Lab> {
    const engine = createEngine({ ...options, idleSeconds: null, log });
    try {
      return new Lab(engine, model, spec, await engine.load(model), signal);
    } catch (error) {
      await engine.stop();
      throw error;
    }
  }

  /** Runs one job by itself. Throws the `Problem` that it ends with. */
  async observe({ readout, ...given }: LabJob): Promise<Observed> {
    const job: RunJob = {
      schedules: [baselineSchedule(this.spec.nLayers)],
      baseline: null,
      capture: [],
      ...given,
      id: randomUUID(),
      model: this.#model,
      priority: "interactive",
      readout: {
        positions: [...given.tokens.keys()],
        layers: "final",
        topK: 1,
        lens: "standard",
        targets: [],
        ...readout,
      },
    };
    const layers: LayerEvent[] = [];
    let result: ResultEvent | null = null;
    for await (const event of this.#engine.run(job, this.#signal)) {
      if (event.type === "layer") layers.push(event);
      if (event.type === "result") result = event;
      if (event.type === "error") throw new Problem(event.problem.code, event.problem.detail, event.problem.errors);
    }
    if (!result) throw new Problem("internal", "A run ended without a result.");
    return { layers, result };
  }

  /** Runs jobs at the same time, so that they share calls. */
  together(jobs: readonly LabJob[]): Promise<Observed[]> {
    return Promise.all(jobs.map((job) => this.observe(job)));
  }

  /** The engine's counters, once `enough` holds of them or some seconds have passed. */
  async stats(enough: (stats: EngineStats) => boolean): Promise<EngineStats | null> {
    for (let waited = 0; waited < STATS.atMostMs; waited += STATS.everyMs) {
      const { stats } = this.#engine.status();
      if (stats && enough(stats)) return stats;
      await new Promise((resolve) => setTimeout(resolve, STATS.everyMs));
    }
    return this.#engine.status().stats;
  }

  async close(): Promise<void> {
    await this.#engine.stop();
  }
}

/** A layer's event of one variant, by its step. */
export function layerOf({ layers }: Observed, step: number, variant = 0): LayerEvent | undefined {
  return layers.find((layer) => layer.step === step && layer.variants.includes(variant));
}

/** The final read-out of a variant. */
export function finalOf({ result }: Observed, variant = 0): ReadoutRows {
  return (result.variants[variant] as ResultEvent["variants"][number]).final;
}

/** 0 … count − 1 */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** The schedule with one step a block, and nothing else. */
export function scheduleOf(name: string, blocks: readonly number[]): Schedule {
  return { name, steps: blocks.map((block) => [{ block }]) };
}
