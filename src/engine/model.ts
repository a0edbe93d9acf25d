/** A loaded model: its sessions, its embedding, its wavefront, its census. */
import { performance } from "node:perf_hooks";
import { cpuBackend } from "./backend/cpu/backend.ts";
import { webgpuBackend } from "./backend/webgpu/backend.ts";
import { Census } from "./census/census.ts";
import { openTensorFiles } from "./checkpoint/rows.ts";
import type { Counters } from "./counters.ts";
import { BLOCK_OUTPUTS, writeBlocks } from "./graph/blocks.ts";
import { writeReadout } from "./graph/readout/readout.ts";
import type { ModelSpec } from "./model-spec.ts";
import { createSession, type LoadOptions } from "./session.ts";
import { Turns } from "./turns.ts";
import { Unembed } from "./unembed.ts";
import { RunMemory } from "./wavefront/run-memory.ts";
import { Wavefront } from "./wavefront/wavefront.ts";

export interface Model {
  readonly spec: ModelSpec;
  readonly wavefront: Wavefront;
  readonly census: Census;
  /** Of both. */
  readonly turns: Turns;
  readonly loadMs: number;
  /** Releases sessions and files; nothing may run any more. */
  close(): Promise<void>;
}

/**
 * Below this a product of few rows is too small for all threads: onnxruntime gives it to fewer, by its number of rows,
 * and sums in another order then. Such a model is as fast on one thread.
 */
const ONE_THREAD_BYTES = 8 * 2 ** 20;

/**
 * Creates the sessions of a checkpoint. `runMemoryBytes`: streams of recent prompts that are kept; 0: none. Throws what
 * onnxruntime throws where a graph or its weights are refused.
 */
export async function loadModel(spec: ModelSpec, given: LoadOptions, counters: Counters, runMemoryBytes = 0): Promise<Model> {
  const started = performance.now();
  const options = spec.float32Bytes < ONE_THREAD_BYTES ? { ...given, threads: 1 } : given;
  const keepsHalf = options.half === "kept";
  const onDevice = options.device === "webgpu";
  const blocks = await createSession(writeBlocks(spec, keepsHalf), options, onDevice ? BLOCK_OUTPUTS : []);
  const readout = await createSession(writeReadout(spec, keepsHalf), options);
  const files = openTensorFiles();
  const { dModel, tokenEmbedding, positionEmbedding } = spec;
  const embed = (tokens: readonly number[]): Float32Array => {
    const x = files.readRows(tokenEmbedding, tokens); // [T, d]
    if (!positionEmbedding) return x;
    const positions = files.readRows(positionEmbedding, [...tokens.keys()]);
    for (let i = 0; i < tokens.length * dModel; i++) x[i] = (x[i] as number) + (positions[i] as number);
    return x;
  };
  const backend = onDevice ? await webgpuBackend(blocks, readout, spec, options) : cpuBackend(blocks, readout, spec);
  const memory = runMemoryBytes > 0 ? new RunMemory(backend, dModel, runMemoryBytes) : null;
  const wavefront = new Wavefront({
    spec,
    backend,
    unembed: new Unembed(spec, files),
    embed,
    memory,
    counters,
  });
  const census = new Census({ spec, files, threads: options.threads, log: counters.log });
  return {
    spec,
    wavefront,
    census,
    turns: new Turns(wavefront, census),
    loadMs: performance.now() - started,
    close: async () => {
      await census.close();
      files.close();
      memory?.clear();
      await backend.close();
    },
  };
}
