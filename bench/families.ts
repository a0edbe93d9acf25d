/** The sweep of every family at one shape, 12 × 768, over the floor of its own multiplications. */
import { rmSync } from "node:fs";
import { writeRandomCheckpoint } from "../scripts/random-checkpoint/write.ts";
import type { Architecture } from "../src/engine/architectures/architecture.ts";
import { architectures } from "../src/engine/architectures/index.ts";
import { TOKENIZER } from "./checkpoint.ts";
import { deletionsAndSwaps, floorFlops, openBench } from "./harness.ts";
import { matrixRate } from "./machine.ts";
import { median, print } from "./report.ts";

const FOLDER = new URL("./.cache/family", import.meta.url).pathname;
const SIZES = { nLayers: 12, dModel: 768, nHeads: 12, vocabSize: 32_000, contextLength: 1024 } as const;
const T = 64;
const REPEATS = 5;
/** As in `sweeps.ts`. */
const ROW_BLOCKS = 144;

/** Each checkpoint is written, measured, and removed. GPT-2 is `sweeps.ts`'s. */
export async function benchFamilies(): Promise<void> {
  for (const [name, architecture] of architectures) {
    if (name === "gpt2") continue;
    try {
      await benchFamily(name, architecture);
    } finally {
      rmSync(FOLDER, { recursive: true, force: true });
    }
  }
}

async function benchFamily(name: string, architecture: Architecture): Promise<void> {
  // Gated MLPs have three matrices: two thirds of the width make them as large as plain ones.
  const gated = architecture.block.mlp.kind === "gated";
  rmSync(FOLDER, { recursive: true, force: true });
  writeRandomCheckpoint(FOLDER, {
    ...SIZES,
    ...{ architecture, init: "calm", tokenizer: TOKENIZER, dMlp: gated ? 2048 : 3072 },
    ...(architecture.sizes.kvHeads.keys.length > 0 && { kvHeads: gated ? 4 : 12 }),
  });
  const bench = await openBench(FOLDER);
  const rate = await matrixRate(bench.spec);
  const schedules = deletionsAndSwaps(SIZES.nLayers);
  const sweep = () => bench.run(bench.job(T, { schedules, baseline: 0 }));
  await sweep();
  const ratios: number[] = [];
  const times: number[] = [];
  let best = 0;
  for (let i = 0; i < REPEATS; i++) {
    best = await rate();
    const time = await sweep();
    times.push(time);
    ratios.push(time / (floorFlops(bench.spec, ROW_BLOCKS, T, schedules.length) / best / 1e6));
  }
  await bench.close();
  print({
    name: `${name}: sweep at 12 × 768, T = ${T}, last position, over its floor`,
    ...{ value: median(ratios), bar: 1.35, unit: "×" },
    detail: `${median(times).toFixed(0)} ms, matrix rate ${best.toFixed(0)} GFLOP/s`,
  });
}
