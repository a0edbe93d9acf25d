/** The read-out of a large vocabulary, over its product alone. */
import { rmSync } from "node:fs";
import { writeRandomCheckpoint } from "../scripts/random-checkpoint/write.ts";
import { llama } from "../src/engine/architectures/llama.ts";
import { cpuBackend } from "../src/engine/backend/cpu/backend.ts";
import { openCheckpoint } from "../src/engine/checkpoint/open.ts";
import { writeBlocks } from "../src/engine/graph/blocks.ts";
import { writeReadout } from "../src/engine/graph/readout/readout.ts";
import { createSession } from "../src/engine/session.ts";
import { TOKENIZER } from "./checkpoint.ts";
import { matrixRate } from "./machine.ts";
import { median, print } from "./report.ts";

const FOLDER = new URL("./.cache/readout", import.meta.url).pathname;
/** Qwen 2.5 0.5B's unembed. */
const SIZES = { vocabSize: 151_936, dModel: 896 } as const;
const ROWS = 64;
const REPEATS = 9;

export async function benchReadout(): Promise<void> {
  rmSync(FOLDER, { recursive: true, force: true });
  writeRandomCheckpoint(FOLDER, {
    ...{ architecture: llama, init: "calm", tokenizer: TOKENIZER, config: { tie_word_embeddings: true } },
    ...{ ...SIZES, nLayers: 1, nHeads: 14, kvHeads: 2, dMlp: 4864, contextLength: 1024 },
  });
  try {
    await measure();
  } finally {
    rmSync(FOLDER, { recursive: true, force: true });
  }
}

async function measure(): Promise<void> {
  const spec = openCheckpoint(FOLDER);
  const options = { threads: null, weights: "packed", half: null } as const;
  const backend = cpuBackend(
    await createSession(writeBlocks(spec), options),
    await createSession(writeReadout(spec), options),
    spec,
  );
  const rate = await matrixRate(spec);
  const rows = Float32Array.from({ length: ROWS * spec.dModel }, (_, i) => Math.sin(i * 12.9898) * 3);
  const chunk = { rows, mode: "readout", lens: "standard", inverseSigma: null, topK: 10, keep: false, ranks: false } as const;
  const plain = { followed: new Int32Array(0), followedCount: 0, expect: [], reference: null, referenceRows: null } as const;
  const ratios: number[] = [];
  const times: number[] = [];
  let best = 0;
  for (let i = 0; i <= REPEATS; i++) {
    best = await rate();
    const start = performance.now();
    await backend.readOut({ ...chunk, ...plain });
    const time = performance.now() - start;
    if (i === 0) continue;
    times.push(time);
    ratios.push(time / ((ROWS * 2 * spec.dModel * spec.vocabSize) / best / 1e6));
  }
  await backend.close();
  print({
    name: `a read-out of ${ROWS} rows, V = ${SIZES.vocabSize}, d = ${SIZES.dModel}, over its product alone`,
    ...{ value: median(ratios), bar: 1.6, unit: "×" },
    detail: `${median(times).toFixed(0)} ms, matrix rate ${best.toFixed(0)} GFLOP/s`,
  });
}
