/** A checkpoint of 3 GB in half precision: loaded, run, and removed again. */
import { rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { writeRandomCheckpoint } from "../scripts/random-checkpoint/write.ts";
import { readConfig } from "../src/config.ts";
import { llama } from "../src/engine/architectures/llama.ts";
import { openCheckpoint } from "../src/engine/checkpoint/open.ts";
import { createEngine } from "../src/engine/client.ts";
import { processOptions } from "../src/engine/options.ts";
import type { RunJob } from "../src/engine/protocol.ts";
import { baselineSchedule } from "../src/engine/schedule.ts";
import { proportionalSetSize } from "./machine.ts";
import { median, print } from "./report.ts";

const MODELS_DIR = new URL("./.cache/large", import.meta.url).pathname;
const MODEL = "random-llama-1b";
const LAYERS = 16;
/** The files, and room beside them. */
const NEEDED_BYTES = 4e9;
const SAMPLE_MS = 5;

interface Measured {
  readonly loadSeconds: number;
  /** Proportional set size of the engine process at its highest, mapped pages included; bytes. */
  readonly peakBytes: number;
  /** T = 8, last position, warm. */
  readonly runMs: number;
}

/** Llama 3.2 1B's shape with an unembed of its own, BF16, in four shards. `folded`: against float32 copies, which take minutes. */
export async function benchLarge(folded: boolean): Promise<void> {
  const folder = join(MODELS_DIR, MODEL);
  rmSync(MODELS_DIR, { recursive: true, force: true });
  const { bavail, bsize } = statfsSync(new URL(".", import.meta.url).pathname);
  if (bavail * bsize < NEEDED_BYTES) {
    console.log(`\nThe 3 GB checkpoint was left out: ${bavail * bsize} bytes are free, ${NEEDED_BYTES} are needed.`);
    return;
  }
  try {
    writeRandomCheckpoint(folder, {
      ...{ architecture: llama, type: "BF16", shards: 4, init: "calm" },
      ...{ nLayers: LAYERS, dModel: 2048, nHeads: 32, kvHeads: 8, headDim: 64, dMlp: 8192 },
      ...{ vocabSize: 128_256, contextLength: 131_072, config: { tie_word_embeddings: false } },
      tokenizer: new URL("../models/prose-6m", import.meta.url).pathname,
    });
    const { diskBytes } = openCheckpoint(folder);
    const gb = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
    const kept = await measure("keep");
    print({
      name: "3 GB checkpoint, half kept half: peak memory over the file's bytes",
      value: kept.peakBytes / diskBytes,
      bar: 1.25,
      unit: "×",
      detail: `${gb(kept.peakBytes)} of ${gb(diskBytes)}, mapped pages included; ready in ${kept.loadSeconds.toFixed(1)} s; a run at T = 8 takes ${kept.runMs.toFixed(0)} ms`,
    });
    if (!folded) return;
    const copies = await measure("fold");
    print({
      name: "3 GB checkpoint: a run with half kept half, against float32 copies",
      value: kept.runMs / copies.runMs,
      bar: 3,
      unit: "×",
      detail: `T = 8, last position; folded: ${copies.runMs.toFixed(0)} ms, ready in ${copies.loadSeconds.toFixed(1)} s, peak ${gb(copies.peakBytes)}`,
    });
  } finally {
    rmSync(MODELS_DIR, { recursive: true, force: true });
  }
}

async function measure(halfPrecision: "keep" | "fold"): Promise<Measured> {
  const engine = createEngine({
    ...processOptions(readConfig({ MODELS_DIR, PROMPT_MEMORY_BYTES: "0" }), "cpu"),
    ...{ halfPrecision, memoryBytes: 2 ** 40 },
    idleSeconds: null,
    log: (line) => console.error(line),
  });
  let peakBytes = 0;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, proportionalSetSize(engine.status().pid));
  }, SAMPLE_MS);
  try {
    const { loadMs = Number.NaN } = await engine.load(MODEL);
    const times: number[] = [];
    for (let i = 0; i < 6; i++) {
      const start = performance.now();
      for await (const event of engine.run(jobOf(i), new AbortController().signal))
        if (event.type === "error") throw new Error(event.problem.detail);
      if (i > 0) times.push(performance.now() - start);
    }
    return { loadSeconds: loadMs / 1000, peakBytes, runMs: median(times) };
  } finally {
    clearInterval(timer);
    await engine.stop();
  }
}

/** The first reads out every layer, which needs the most memory; the others the last position. */
function jobOf(index: number): RunJob {
  const tokens = Array.from({ length: 8 }, (_, i) => (i * 7919 + index * 31) % 4000);
  return {
    ...{ id: `large-${index}`, model: MODEL, tokens, schedules: [baselineSchedule(LAYERS)], baseline: null },
    ...{ capture: [], priority: "interactive" },
    readout: {
      ...{ positions: index === 0 ? [...tokens.keys()] : [7], layers: index === 0 ? "all" : "final" },
      ...{ topK: 5, lens: "standard", targets: [] },
    },
  } as RunJob;
}
