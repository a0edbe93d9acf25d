/** SmolLM2-135M-Instruct, a trained model of 30 blocks; left out where it has not been built. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { readConfig } from "../src/config.ts";
import { createEngine } from "../src/engine/client.ts";
import { processOptions } from "../src/engine/options.ts";
import { deletionsAndSwaps, floorFlops, openBench } from "./harness.ts";
import { matrixRate, proportionalSetSize } from "./machine.ts";
import { median, print } from "./report.ts";

export const CACHE = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
/** Where `scripts/real-model/build.sh` makes it. */
export const FOLDER = join(CACHE, "stratascope/models/smollm2-135m-instruct-q4");
export const MODEL = "smollm2-135m-instruct-q4";
const T = 16;
const REPEATS = 5;

export async function benchRealModel(): Promise<void> {
  if (!existsSync(join(FOLDER, "config.json"))) {
    console.log("\nSmolLM2-135M was left out: scripts/real-model/build.sh makes it.");
    return;
  }
  const folded = await benchSweep();
  await benchKept(folded);
}

/** Milliseconds of a run at T = 16 with folded weights. */
async function benchSweep(): Promise<number> {
  const bench = await openBench(FOLDER);
  const { spec, counters } = bench;
  const rate = await matrixRate(spec);
  const schedules = deletionsAndSwaps(spec.nLayers);
  const sweep = () => bench.run(bench.job(T, { schedules, baseline: 0 }));
  await sweep();
  const ratios: number[] = [];
  const times: number[] = [];
  let best = 0;
  for (let i = 0; i < REPEATS; i++) {
    best = await rate();
    const before = counters.snapshot().blockRows;
    const time = await sweep();
    const rowBlocks = counters.snapshot().blockRows - before;
    times.push(time);
    ratios.push(time / (floorFlops(spec, rowBlocks, T, schedules.length) / best / 1e6));
  }
  print({
    name: `SmolLM2-135M: sweep of ${schedules.length} variants, T = ${T}, last position, over its floor`,
    ...{ value: median(ratios), bar: 1.6, unit: "×" },
    detail: `${median(times).toFixed(0)} ms, matrix rate ${best.toFixed(0)} GFLOP/s`,
  });
  const single: number[] = [];
  for (let i = 0; i < REPEATS; i++) single.push(await bench.run(bench.job(T)));
  await bench.close();
  return median(single);
}

async function benchKept(foldedMs: number): Promise<void> {
  const engine = createEngine({
    ...processOptions(readConfig({ MODELS_DIR: dirname(FOLDER), HALF_PRECISION: "keep", WEIGHTS: "mapped" }), "cpu"),
    ...{ idleSeconds: null, log: (line: string) => console.error(line) },
  });
  const seconds: number[] = [];
  for (let i = 0; i < 4; i++) {
    const start = performance.now();
    await engine.load(MODEL);
    // The first also starts the process.
    if (i > 0) seconds.push((performance.now() - start) / 1000);
    if (i < 3) await engine.unload(MODEL);
  }
  print({
    name: "SmolLM2-135M: model ready, mapped, half kept half",
    ...{ value: median(seconds), bar: 0.5, unit: "s" },
    detail: "in an engine that runs: opened, checked, and its sessions made",
  });
  const bench = await openBench(FOLDER, 0, "kept");
  const kept: number[] = [];
  for (let i = 0; i < REPEATS + 1; i++) kept.push(await bench.run(bench.job(T)));
  await bench.close();
  const schedules = deletionsAndSwaps(bench.spec.nLayers);
  for (let i = 0; i < 2; i++) {
    const job = bench.job(T, { model: MODEL, schedules, baseline: 0 });
    for await (const event of engine.run(job, new AbortController().signal))
      if (event.type === "error") throw new Error(event.problem.detail);
  }
  const used = proportionalSetSize(engine.status().pid) - bench.spec.diskBytes;
  await engine.stop();
  print({
    name: "SmolLM2-135M: memory of the engine beyond the file's bytes, half kept half",
    ...{ value: used / 1e6, bar: 450, unit: "MB" },
    detail: "after two whole sweeps",
  });
  print({
    name: `SmolLM2-135M: a run with half kept half, T = ${T}, against float32 copies`,
    ...{ value: median(kept.slice(1)) / foldedMs, bar: 3, unit: "×" },
    detail: `${foldedMs.toFixed(0)} ms folded and packed; reported, the default folds what fits`,
  });
}
