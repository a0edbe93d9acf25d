/** An engine without models: says what it is told to, at once or when it is let. */
import type {
  CensusJob,
  CensusRows,
  Engine,
  EngineEvent,
  EngineStatus,
  LayerEvent,
  ModelStatus,
  ReadoutRows,
  RunJob,
} from "../../src/engine/protocol.ts";
import { Problem, type ProblemData } from "../../src/problem.ts";

export interface Script {
  /** Awaited before every event. */
  pace?: (job: RunJob) => Promise<unknown>;
  /** Ends runs after their first layer event. */
  fail?: ProblemData;
  /** Throws in the middle of a run, as no engine should. */
  explode?: boolean;
  /** What a census finds; without it, four neurons whose kurtosis is the layer. */
  census?: (job: CensusJob) => CensusRows | Promise<CensusRows>;
}

/** `jobs`: all that it was given. */
export function scriptedEngine(script: Script = {}): Engine & { readonly jobs: RunJob[]; readonly loaded: Set<string> } {
  const jobs: RunJob[] = [];
  const loaded = new Set<string>();
  let active = 0;
  const modelStatus = (id: string): ModelStatus => ({
    ...{ id, state: loaded.has(id) ? "ready" : "available", memoryBytes: loaded.has(id) ? 1000 : 0, activeRuns: active },
    ...{ device: "cpu", precision: "float32", weights: "packed", half: null },
  });
  return {
    jobs,
    loaded,
    async *run(job, signal) {
      jobs.push(job);
      loaded.add(job.model);
      active++;
      const aborted = new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      });
      try {
        let first = true;
        for (const event of eventsOf(job)) {
          await Promise.race([script.pace?.(job), aborted]);
          if (signal.aborted) return yield { type: "error", problem: { code: "cancelled", detail: "The run was cancelled." } };
          if (!first && script.explode) throw new Error("secret internals");
          if (!first && script.fail) return yield { type: "error", problem: script.fail };
          yield event;
          first = false;
        }
      } finally {
        active--;
      }
    },
    census: async (job, signal) => {
      loaded.add(job.model);
      if (signal.aborted) throw new Problem("cancelled", "The census was cancelled.");
      return script.census ? script.census(job) : censusOf(job);
    },
    load: async (model) => {
      loaded.add(model);
      return modelStatus(model);
    },
    unload: async (model) => {
      if (active > 0)
        throw new Problem("model_busy", `The model ${model} is in use by ${active} runs; it can be unloaded when idle.`);
      loaded.delete(model);
      return modelStatus(model);
    },
    status: (): EngineStatus => ({
      ...{ state: "running", pid: 1, restarts: 0, models: [...loaded].map(modelStatus), device: "cpu" },
      stats: {
        ...{ blockCalls: 7, blockRows: 9, blockTokens: 90, readoutCalls: 1, readoutRows: 2, readyRows: 0, activeRuns: active },
        ...{
          rememberedSteps: 0,
          computedSteps: 0,
          memoryOfRunsBytes: 0,
          modelMemoryBytes: 1000,
          rssBytes: 2000,
          rowsPerCall: [5, 2, 0, 0, 0, 0, 0, 0, 0],
        },
      },
    }),
    stop: async () => {},
  };
}

/** What an engine would say: every schedule by itself, step by step. */
export function eventsOf(job: RunJob): EngineEvent[] {
  const final = job.readout.layers === "final";
  const layers = job.schedules.flatMap(({ steps }, variant) =>
    Array.from({ length: steps.length + 1 }, (_, step): LayerEvent => {
      const norms = job.capture.includes("norms") && step > 0 ? { norms: normsOf(job, step) } : {};
      const read = !final || step === steps.length ? { readout: readoutOf(job, step) } : {};
      return { type: "layer", variants: [variant], step, ...read, ...norms };
    }),
  );
  return [
    ...layers,
    {
      type: "result",
      variants: job.schedules.map(({ steps }) => ({
        layers: final
          ? []
          : Array.from({ length: steps.length + 1 }, (_, step) => ({ step, klFinalNats: filled(job, step / 8) })),
        final: readoutOf(job, steps.length),
      })),
      comparisons: job.schedules.flatMap((_, variant) =>
        variant === job.baseline || job.baseline === null
          ? []
          : [
              {
                ...{
                  variant,
                  klNats: filled(job, 0.25),
                  top1Agreement: job.readout.positions.map(() => true),
                  topRowAgreement: job.readout.positions.map(() => true),
                },
                ...{ entropyChangeBits: filled(job, -0.5), lossChangeNats: filled(job, Number.NaN) },
              },
            ],
      ),
    },
    { type: "done", queueMs: 1, engineMs: 2 },
  ];
}

function censusOf({ layer, tokenSets = [] }: CensusJob): CensusRows {
  const four = (value: number) => new Float64Array(4).fill(value);
  return { kurtosis: four(layer), skew: four(1), variance: four(0.25), setEffects: tokenSets.map((set) => four(set.length)) };
}

function filled(job: RunJob, value: number): Float64Array {
  return new Float64Array(job.readout.positions.length).fill(value);
}

function normsOf(job: RunJob, step: number) {
  const count = job.readout.positions.length;
  return { attnOut: new Float32Array(count).fill(step), mlpOut: null, residPost: new Float32Array(count).fill(Infinity) };
}

function readoutOf(job: RunJob, step: number): ReadoutRows {
  const { positions, topK, targets } = job.readout;
  const followed = positions.flatMap((position) => [job.tokens[position + 1] ?? -1, ...targets]);
  return {
    topIds: Int32Array.from({ length: positions.length * topK }, (_, i) => (i % topK) + step),
    topLogprobs: Float32Array.from({ length: positions.length * topK }, (_, i) => -0.5 - (i % topK)),
    topRows: new Int32Array(positions.length).fill(step),
    entropyBits: new Float32Array(positions.length).fill(1.25),
    followedIds: Int32Array.from(followed),
    followedLogits: Float32Array.from(followed, (_, i) => i / 2),
    followedLogprobs: Float32Array.from(followed, () => -Infinity),
    followedRanks: Int32Array.from(followed, (_, i) => i + 1),
  };
}
