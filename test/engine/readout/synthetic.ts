/** A read-out over an unembed of any size, without a model around it; and what its rows come to in float64. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tensor } from "onnxruntime-node";
import { Noise } from "../../../scripts/random-checkpoint/noise.ts";
import type { Distributions, ReadoutChunk, ReadoutChunkResult } from "../../../src/engine/backend/backend.ts";
import { ReadoutRunner } from "../../../src/engine/backend/readout-runner.ts";
import { writeReadout } from "../../../src/engine/graph/readout/readout.ts";
import { blockedWidth } from "../../../src/engine/graph/readout/sums.ts";
import type { ModelSpec, TensorRef } from "../../../src/engine/model-spec.ts";
import { createSession } from "../../../src/engine/session.ts";
import { TEST_DEVICE } from "../../support/device.ts";

/** Widths of what is drawn: the first column of W_U is 1 everywhere, so that the first number of h is a common shift. */
export const D = 32;

/** The most that are drawn at a time. */
const CHUNK = 2 ** 18;

export interface Synthetic {
  readonly vocabSize: number;
  /** [V, D], a common part in every row, as trained models have it. */
  readonly unembed: Float32Array;
  run(rows: Float32Array, more?: Partial<ReadoutChunk>): Promise<ReadoutChunkResult>;
  close(): Promise<void>;
}

/** `tokenCount`: rows from there on are padding. */
export async function synthetic(vocabSize: number, tokenCount = vocabSize, seed = 1): Promise<Synthetic> {
  const folder = mkdtempSync(join(tmpdir(), "stratascope-readout-"));
  const file = join(folder, "unembed.bin");
  const noise = new Noise(seed);
  const common = drawn(noise, D, 0.5);
  const unembed = drawn(noise, vocabSize * D, 1);
  for (let i = 0; i < unembed.length; i++) unembed[i] = i % D === 0 ? 1 : (unembed[i] as number) + (common[i % D] as number);
  const gain = new Float32Array(D).fill(1);
  writeFileSync(file, Buffer.concat([Buffer.from(unembed.buffer), Buffer.from(gain.buffer)]));
  const tensor = (name: string, shape: readonly number[], offset: number): TensorRef => {
    const length = shape.reduce((product, size) => product * size, 4);
    return { name, file, type: "F32", shape, offset, length };
  };
  const weight = tensor("unembed", [vocabSize, D], 0);
  const spec = {
    ...{ dModel: D, vocabSize, tokenCount },
    finalNorm: { kind: "rms", weight: tensor("gain", [D], weight.length), bias: null, epsilon: 1e-5 },
    unembed: { weight, bias: null, layout: "out_in", inFeatures: D, outFeatures: vocabSize },
  } as unknown as ModelSpec;
  const options = { device: TEST_DEVICE, threads: null, weights: "packed", half: null } as const;
  const session = await createSession(writeReadout(spec), options);
  const runner = new ReadoutRunner(session, spec);
  return {
    vocabSize,
    unembed,
    run(rows, more = {}) {
      const chunk = { ...PLAIN, rows, ...more };
      return runner.run(chunk, new Tensor("float32", rows, [rows.length / D, D]));
    },
    async close() {
      await session.release();
      rmSync(folder, { recursive: true });
    },
  };
}

const PLAIN: Omit<ReadoutChunk, "rows"> = {
  ...{ mode: "readout", lens: "hidden", inverseSigma: null, topK: 5, keep: true, ranks: false },
  ...{ followed: new Int32Array(0), followedCount: 0, expect: [], reference: null, referenceRows: null },
};

/** Numbers around 0. */
export function drawn(noise: Noise, count: number, deviation: number): Float32Array {
  const values = new Float32Array(count);
  for (let from = 0; from < count; from += CHUNK) noise.fill(values.subarray(from, from + CHUNK), 0, deviation);
  return values;
}

/** A row's logits relative to their peak, as the device has them: what everything else is to be computed from. [V] */
export function logitsOf(kept: Distributions, row: number, vocabSize: number): Float32Array {
  const { width } = blockedWidth(vocabSize);
  return kept.relative.subarray(row * width, row * width + vocabSize);
}
