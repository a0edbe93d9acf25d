/** Prompts of thousands of tokens on SmolLM2-135M: beside transformers in the same run, and what they take of memory. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { readConfig } from "../src/config.ts";
import { createEngine } from "../src/engine/client.ts";
import { processOptions } from "../src/engine/options.ts";
import { type Bench, openBench } from "./harness.ts";
import { peakMemory } from "./machine.ts";
import { CACHE, FOLDER, MODEL } from "./real-model.ts";
import { median, print } from "./report.ts";

/** With torch and transformers; `scripts/real-model/build.sh` makes it. */
const PYTHON = join(CACHE, "stratascope/python/bin/python");
const LENGTHS = [2048, 4096];
const SHORT = 256;
const REPEATS = 3;

export async function benchLong(): Promise<void> {
  if (!existsSync(join(FOLDER, "config.json")) || !existsSync(PYTHON)) {
    console.log(
      "\nLong prompts were left out: scripts/real-model/build.sh makes SmolLM2-135M, and transformers to compare with.",
    );
    return;
  }
  const bench = await openBench(FOLDER);
  const python = transformers();
  await bench.run(bench.job(SHORT));
  await python.pass(SHORT);
  for (const T of LENGTHS) await besideTransformers(bench, python, T);
  python.stop();
  await bench.close();
  await memory();
}

interface Transformers {
  /** Milliseconds of one pass. */
  pass(T: number): Promise<number>;
  stop(): void;
}

function transformers(): Transformers {
  const child = spawn(PYTHON, [new URL("long.py", import.meta.url).pathname, FOLDER], { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("transformers ended: see bench/long.py");
    return value;
  };
  const ready = next();
  return {
    pass: async (T) => {
      await ready;
      child.stdin.write(`${T}\n`);
      return Number(await next()) * 1000;
    },
    stop: () => child.kill(),
  };
}

/** Each measured next to the other, again and again: what else the machine does meets both. */
async function besideTransformers(bench: Bench, python: Transformers, T: number): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const ratios: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const [own, their] = [await bench.run(bench.job(T)), await python.pass(T)];
    ours.push(own);
    theirs.push(their);
    ratios.push(own / their);
  }
  print({
    name: `SmolLM2-135M: one pass, T = ${T}, against transformers`,
    ...{ value: median(ratios), bar: 1.1, unit: "×" },
    detail: `${seconds(ours)} s, ${seconds(theirs)} s, best of ${REPEATS}; sdpa, float32, the same cores, the last position read out`,
  });
}

/** New engines, one run each, prompts remembered as the service does. */
async function memory(): Promise<void> {
  const { spec, job, close } = await openBench(FOLDER);
  await close();
  const peaks: number[] = [];
  for (const T of [SHORT, Math.max(...LENGTHS)]) {
    const engine = createEngine({
      ...processOptions(readConfig({ MODELS_DIR: dirname(FOLDER) }), "cpu"),
      ...{ idleSeconds: null, log: (line: string) => console.error(line) },
    });
    for await (const event of engine.run(job(T, { model: MODEL }), new AbortController().signal))
      if (event.type === "error") throw new Error(event.problem.detail);
    peaks.push(peakMemory(engine.status().pid));
    await engine.stop();
  }
  const [short, long] = peaks as [number, number];
  print({
    name: `SmolLM2-135M: memory of the engine at T = ${Math.max(...LENGTHS)}, against T = ${SHORT}`,
    ...{ value: long / short, bar: 1.3, unit: "×" },
    detail: `the most it had, in new processes: ${(long / 1e6).toFixed(0)} MB, ${(short / 1e6).toFixed(0)} MB; ${(spec.float32Bytes / 1e6).toFixed(0)} MB of float32 weights, folded and packed`,
  });
}

function seconds(milliseconds: readonly number[]): string {
  return (Math.min(...milliseconds) / 1000).toFixed(1);
}
