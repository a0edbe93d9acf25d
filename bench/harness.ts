/** A model in this process, and jobs for it: what all benches of the engine measure with. */
import { openCheckpoint } from "../src/engine/checkpoint/open.ts";
import { Counters } from "../src/engine/counters.ts";
import { loadModel, type Model } from "../src/engine/model.ts";
import type { BlockSpec, LinearSpec, ModelSpec } from "../src/engine/model-spec.ts";
import type { ReadoutSpec, RunJob } from "../src/engine/protocol.ts";
import { baselineSchedule, type Schedule } from "../src/engine/schedule.ts";
import type { HalfHeld } from "../src/engine/session.ts";

export interface Bench extends Model {
  readonly counters: Counters;
  /** A job of its own name and prompt; T tokens, read out at the last position, at the end. */
  job(T: number, given?: Partial<Omit<RunJob, "readout">> & { readonly readout?: Partial<ReadoutSpec> }): RunJob;
  /** Milliseconds until it is done. Throws where it ends with an error. */
  run(job: RunJob): Promise<number>;
}

/** Packed, unless told otherwise; nothing is remembered between runs, unless bytes are given for it. */
export async function openBench(folder: string, promptMemoryBytes = 0, half?: HalfHeld): Promise<Bench> {
  const counters = new Counters((error) => {
    throw error;
  });
  const spec = openCheckpoint(folder);
  const held = half === undefined ? (spec.diskBytes < spec.float32Bytes ? "folded" : null) : half;
  const weights = held === "kept" ? "mapped" : "packed";
  const model = await loadModel(spec, { threads: null, weights, half: held }, counters, promptMemoryBytes);
  let id = 0;
  return {
    ...model,
    counters,
    job(T, { readout, ...given } = {}) {
      const seed = id++;
      return {
        id: String(seed),
        model: "bench",
        tokens: prompt(T, spec, seed),
        schedules: [baselineSchedule(spec.nLayers)],
        baseline: null,
        capture: [],
        priority: "interactive",
        ...given,
        readout: { positions: [T - 1], layers: "final", topK: 10, lens: "standard", targets: [], ...readout },
      };
    },
    async run(job) {
      const start = performance.now();
      model.wavefront.add(job, (event) => {
        if (event.type === "error") throw new Error(event.problem.detail);
      });
      while (model.wavefront.hasWork) await model.wavefront.step();
      return performance.now() - start;
    },
  };
}

/** T token ids; another seed, another prompt. */
export function prompt(T: number, { tokenCount }: Pick<ModelSpec, "tokenCount">, seed: number): number[] {
  return Array.from({ length: T }, (_, i) => (i * 7919 + seed * 104729 + 13) % tokenCount);
}

/** The baseline, every single deletion, and every swap of neighbours. */
export function deletionsAndSwaps(nLayers: number): Schedule[] {
  const baseline = baselineSchedule(nLayers);
  const deletions = baseline.steps.map((_, i) => ({ name: `delete.${i}`, steps: baseline.steps.filter((_, j) => j !== i) }));
  const swaps = baseline.steps.slice(1).map((_, i) => {
    const steps = [...baseline.steps];
    [steps[i], steps[i + 1]] = [steps[i + 1] as never, steps[i] as never];
    return { name: `swap.${i}`, steps };
  });
  return [baseline, ...deletions, ...swaps];
}

/** Multiply-adds of a block at one position, attention scores apart, times two: 24·d² for GPT-2's shape. */
export function blockFlops({ attention: { qkv, out }, mlp }: BlockSpec): number {
  const linears = [
    ...(qkv.kind === "fused" ? [qkv.linear] : [qkv.q, qkv.k, qkv.v]),
    out,
    ...(mlp.kind === "gated" ? [mlp.gate, mlp.up, mlp.down] : [mlp.up, mlp.down]),
  ];
  return linears.reduce((sum, { inFeatures, outFeatures }: LinearSpec) => sum + 2 * inFeatures * outFeatures, 0);
}

/** FLOPs of so many row-blocks of T positions, and of so many positions read out. */
export function floorFlops({ blocks, dModel, vocabSize }: ModelSpec, rowBlocks: number, T: number, readouts: number): number {
  return rowBlocks * T * blockFlops(blocks[0] as BlockSpec) + readouts * 2 * dModel * vocabSize;
}
