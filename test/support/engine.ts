/** A model in this process, without pipe or server: what the engine process does for a run. */
import { openCheckpoint } from "../../src/engine/checkpoint/open.ts";
import { Counters } from "../../src/engine/counters.ts";
import { loadModel, type Model } from "../../src/engine/model.ts";
import type { EngineEvent, LayerEvent, ReadoutRows, ReadoutSpec, ResultEvent, RunJob } from "../../src/engine/protocol.ts";
import { baselineSchedule, type Schedule, type Step } from "../../src/engine/schedule.ts";
import { TEST_DEVICE } from "./device.ts";

export type TestModel = Model & { readonly counters: Counters };

export async function loadForTest(
  folder: string,
  weights: "packed" | "mapped" = "packed",
  half: "kept" | "folded" = "folded",
  runMemoryBytes = 0,
): Promise<TestModel> {
  const counters = new Counters((error) => {
    throw error;
  });
  const spec = openCheckpoint(folder);
  const held = spec.diskBytes < spec.float32Bytes ? half : null;
  return {
    ...(await loadModel(spec, { device: TEST_DEVICE, threads: null, weights, half: held }, counters, runMemoryBytes)),
    counters,
  };
}

export type JobSpec = { tokens: readonly number[]; schedules?: readonly Schedule[]; readout?: Partial<ReadoutSpec> } & Partial<
  Omit<RunJob, "readout" | "tokens">
>;

let next = 0;

/** Reads out every position and the whole vocabulary after every step, unless told otherwise. */
export function jobOf(model: Model, { readout, ...given }: JobSpec): RunJob {
  return {
    id: `test-${next++}`,
    model: "test",
    schedules: [baselineSchedule(model.spec.nLayers)],
    baseline: null,
    capture: [],
    priority: "interactive",
    ...given,
    readout: {
      positions: given.tokens.map((_, index) => index),
      layers: "all",
      topK: model.spec.vocabSize,
      lens: "standard",
      targets: [],
      ...readout,
    },
  };
}

/** Adds all jobs, runs the wavefront dry, and gives each job's events. */
export async function runJobs(model: Model, jobs: readonly RunJob[]): Promise<EngineEvent[][]> {
  const events = jobs.map((): EngineEvent[] => []);
  for (const [index, job] of jobs.entries()) model.wavefront.add(job, (event) => events[index]?.push(event));
  while (model.wavefront.hasWork) await model.wavefront.step();
  return events;
}

export async function runJob(model: Model, spec: JobSpec): Promise<EngineEvent[]> {
  return (await runJobs(model, [jobOf(model, spec)]))[0] as EngineEvent[];
}

export function layers(events: readonly EngineEvent[], variant = 0): LayerEvent[] {
  return events.filter((event): event is LayerEvent => event.type === "layer" && event.variants.includes(variant));
}

export function result(events: readonly EngineEvent[]): ResultEvent {
  const found = events.find((event): event is ResultEvent => event.type === "result");
  if (!found)
    throw new Error(`no result among ${JSON.stringify(events.map(({ type }) => type))}: ${JSON.stringify(events.at(-1))}`);
  return found;
}

/** A read-out with all of `tokenCount` ids as its top-k, as log-probabilities in order of ids. [P · tokenCount] */
export function logprobsById(rows: ReadoutRows, tokenCount: number): Float64Array {
  const values = new Float64Array(rows.topIds.length);
  for (let i = 0; i < rows.topIds.length; i++)
    values[Math.floor(i / tokenCount) * tokenCount + (rows.topIds[i] as number)] = rows.topLogprobs[i] as number;
  return values;
}

/** A schedule from block indices; an array is a parallel group, an object a step as the engine has it. */
export function scheduleOf(name: string, steps: readonly (number | readonly number[] | Step)[]): Schedule {
  const toStep = (step: number | readonly number[] | Step): Step =>
    typeof step === "number" ? [{ block: step }] : step.map((use) => (typeof use === "number" ? { block: use } : use));
  return { name, steps: steps.map(toStep) };
}

/** 0 … count − 1 */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
