/** What experiments ask of the engine: sweeps over many texts, the neuron census, and who waits for whom meanwhile. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CensusJob, RunJob } from "../src/engine/protocol.ts";
import type { Schedule } from "../src/engine/schedule.ts";
import { Problem } from "../src/problem.ts";
import { openTokenizer } from "../src/tokenizer/tokenizer.ts";
import { type Bench, deletionsAndSwaps, floorFlops, openBench } from "./harness.ts";
import { type MatrixRate, matrixRate } from "./machine.ts";
import { overFloor, type Paced, paced } from "./paced.ts";
import { FOLDER as SMOLLM } from "./real-model.ts";
import { median, print } from "./report.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const PROSE = join(ROOT, "models/prose-6m");
const TEXTS = join(ROOT, "datasets/prose-heldout.jsonl");
/** Texts that are under way at a time; the next begins when one ends. */
const IN_FLIGHT = 8;
const REPEATS = 3;
/** Texts whose schedules are run one after another, to compare with: the same work every time. */
const SINGLE_TEXTS = 1;
const ARRIVALS = 15;

export async function benchExperiments(folder: string): Promise<void> {
  const bench = await openBench(folder);
  const rate = await matrixRate(bench.spec);
  await benchInterventions(bench, rate);
  await benchCensus(bench, rate);
  await benchArrivals(bench, rate);
  await bench.close();
  await benchProse("prose-6m", PROSE, 64, 128);
  if (existsSync(join(SMOLLM, "config.json"))) await benchProse("SmolLM2-135M", SMOLLM, 8, 64);
  else console.log("\nSmolLM2-135M was left out: scripts/real-model/build.sh makes it.");
}

/** `layer-interventions` of one text: all its variants, read out at every position but the first, for the result alone. */
export function interventions(bench: Bench, T: number, tokens?: readonly number[]): RunJob {
  const positions = Array.from({ length: T - 1 }, (_, i) => i + 1);
  const schedules = deletionsAndSwaps(bench.spec.nLayers);
  return bench.job(T, {
    ...{ schedules, baseline: 0, quiet: true, priority: "background", readout: { positions, topK: 1, ranks: false } },
    ...(tokens && { tokens }),
  });
}

/** Adds the jobs, some at a time; each call of what is returned makes one call of the model. */
export function stepsOf({ wavefront, turns }: Bench, jobs: readonly RunJob[], inFlight = IN_FLIGHT): () => Promise<boolean> {
  const waiting = [...jobs];
  const next = () => {
    const job = waiting.shift();
    if (!job) return;
    wavefront.add(job, (event) => {
      if (event.type === "error" && event.problem.code !== "cancelled") throw new Error(event.problem.detail);
      if (event.type === "done") next();
    });
  };
  for (let i = 0; i < inFlight; i++) next();
  return async () => {
    await turns.step();
    return turns.hasWork;
  };
}

/** A sweep over texts, and the FLOPs that it cannot do without. */
async function sweep(bench: Bench, rate: MatrixRate, jobs: readonly RunJob[]): Promise<Paced & { readonly flops: number }> {
  const before = bench.counters.snapshot();
  const took = await paced(rate, stepsOf(bench, jobs));
  const rows = bench.counters.snapshot().blockRows - before.blockRows;
  const [{ tokens, schedules, readout }] = jobs as readonly [RunJob];
  const readouts = jobs.length * schedules.length * readout.positions.length;
  return { ...took, flops: floorFlops(bench.spec, rows, tokens.length, readouts) };
}

async function benchInterventions(bench: Bench, rate: MatrixRate): Promise<void> {
  const T = 64;
  const texts = 16;
  const jobs = (count: number) => Array.from({ length: count }, () => interventions(bench, T));
  await sweep(bench, rate, jobs(1));
  const ratios: number[] = [];
  const seconds: number[] = [];
  const compared: number[] = [];
  const alone: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const swept = await sweep(bench, rate, jobs(texts));
    ratios.push(overFloor(swept, swept.flops));
    seconds.push(swept.ms / 1000);
    /** One run after another, in multiplications that the machine could have done meanwhile: it is not equally fast at all times. */
    const against = async (runs: readonly RunJob[]) => {
      const apart = await paced(rate, stepsOf(bench, runs, 1));
      return (apart.ms * apart.rate) / SINGLE_TEXTS / ((swept.ms * swept.rate) / texts);
    };
    compared.push(await against(jobs(SINGLE_TEXTS).flatMap(oneByOne)));
    alone.push(await against(jobs(SINGLE_TEXTS).flatMap(uncompared)));
  }
  const name = `layer-interventions, ${texts} texts × ${T} tokens, all positions but the first`;
  const all = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(", ");
  print({
    name: `${name}, over the floor`,
    ...{ value: median(ratios), bar: 1.6, unit: "×" },
    detail: `${median(seconds).toFixed(1)} s, ${IN_FLIGHT} texts at a time; ${all(ratios)}`,
  });
  print({
    name: "the same against one schedule after another, each with the baseline that it is compared with",
    ...{ value: median(compared), bar: null, unit: "×" },
    detail: all(compared),
  });
  print({
    name: "the same against one schedule after another, each alone and compared with nothing",
    ...{ value: median(alone), bar: 1.7, atLeast: true, unit: "×" },
    detail: all(alone),
  });
}

/** The runs that give the same numbers without sharing anything: the baseline and one schedule each. */
function oneByOne(job: RunJob): RunJob[] {
  const [baseline, ...others] = job.schedules;
  return others.map((schedule) => ({ ...job, id: `${job.id} ${schedule.name}`, schedules: [baseline as Schedule, schedule] }));
}

/** Each schedule by itself. */
function uncompared(job: RunJob): RunJob[] {
  return job.schedules.map((schedule) => ({ ...job, id: `${job.id} ${schedule.name}`, schedules: [schedule], baseline: null }));
}

/** The same on a trained model and English prose. */
async function benchProse(name: string, folder: string, count: number, T: number): Promise<void> {
  const bench = await openBench(folder);
  const rate = await matrixRate(bench.spec);
  const texts = await prose(folder, count, T);
  const jobs = () => texts.map((tokens) => interventions(bench, T, tokens));
  await sweep(bench, rate, jobs().slice(0, 1));
  const swept = await sweep(bench, rate, jobs());
  await bench.close();
  print({
    name: `${name}: layer-interventions, ${count} texts × ${T} tokens, over the floor`,
    ...{ value: overFloor(swept, swept.flops), bar: null, unit: "×" },
    detail: `${(swept.ms / 1000).toFixed(1)} s; floor ${(swept.flops / swept.rate / 1e9).toFixed(1)} s at ${swept.rate.toFixed(0)} GFLOP/s`,
  });
}

/** The first texts of the shipped data set that are long enough, cut to T tokens, the model's BOS the first of them. */
async function prose(folder: string, count: number, T: number): Promise<number[][]> {
  const tokenizer = await openTokenizer(folder);
  const begin = tokenizer.bosId === null ? [] : [tokenizer.bosId];
  const texts: number[][] = [];
  for (const line of readFileSync(TEXTS, "utf8").split("\n")) {
    if (!line || texts.length === count) continue;
    const tokens = [...begin, ...tokenizer.encode((JSON.parse(line) as { text: string }).text)].slice(0, T);
    if (tokens.length === T) texts.push(tokens);
  }
  if (texts.length < count) throw new Error(`${TEXTS} has ${texts.length} texts of ${T} tokens; ${count} are needed`);
  return texts;
}

/** Adds a census of every layer; each call of what is returned makes one call of the model. */
function censusSteps({ census, turns, spec }: Bench, layers = spec.nLayers): () => Promise<boolean> {
  for (let layer = 0; layer < layers; layer++) {
    const job: CensusJob = { id: `census-${layer}`, model: "bench", layer, weights: "folded" };
    census.add(job, (outcome) => {
      if (outcome instanceof Problem && outcome.code !== "cancelled") throw outcome;
    });
  }
  return async () => {
    await turns.step();
    return turns.hasWork;
  };
}

async function benchCensus(bench: Bench, rate: MatrixRate): Promise<void> {
  const { nLayers, dMlp, dModel, vocabSize } = bench.spec;
  const took = await paced(rate, censusSteps(bench));
  print({
    name: "neuron-census, every layer, over its floor",
    ...{ value: overFloor(took, 2 * nLayers * dMlp * dModel * vocabSize), bar: 2, unit: "×" },
    detail: `${(took.ms / 1000).toFixed(1)} s with its session and tables, matrix rate ${took.rate.toFixed(0)} GFLOP/s; longest call ${took.longestMs.toFixed(0)} ms`,
  });
}

/** Interactive runs come while sweeps and a census fill the engine, at any moment of a call. */
async function benchArrivals(bench: Bench, rate: MatrixRate): Promise<void> {
  const background = stepsOf(
    bench,
    Array.from({ length: 4 * IN_FLIGHT }, () => interventions(bench, 64)),
  );
  censusSteps(bench);
  const { longestMs } = await paced(rate, untilAfter(3000, background));
  let longest = longestMs;
  const waits: number[] = [];
  while (waits.length < ARRIVALS) {
    // As its request would stand in the pipe: nobody reads it before the call that goes on is over.
    const arrival = performance.now() + 50 + Math.random() * 400;
    while (performance.now() < arrival) longest = Math.max(longest, await timed(background));
    let first = 0;
    let isDone = false;
    bench.wavefront.add(bench.job(8, { readout: { layers: "all" } }), (event) => {
      if (event.type === "layer" && event.step === 1) first = performance.now();
      isDone ||= event.type === "done";
    });
    while (!isDone) await background();
    waits.push(first - arrival);
  }
  bench.wavefront.close(new Problem("cancelled", "Measured."));
  for (let layer = 0; layer < bench.spec.nLayers; layer++) bench.census.cancel(`census-${layer}`, new Problem("cancelled", "."));
  const worst = Math.max(...waits);
  print({
    name: "an interactive run's first layer while experiments fill the engine, the worst, over their longest call",
    ...{ value: worst / longest, bar: 2, unit: "×" },
    detail: `longest call ${longest.toFixed(0)} ms; ${ARRIVALS} runs at T = 8 waited ${median(waits).toFixed(0)} ms in the median, ${worst.toFixed(0)} ms at worst`,
  });
}

/** Steps for so many milliseconds. */
function untilAfter(milliseconds: number, step: () => Promise<boolean>): () => Promise<boolean> {
  const end = performance.now() + milliseconds;
  return async () => (await step()) && performance.now() < end;
}

async function timed(step: () => Promise<boolean>): Promise<number> {
  const start = performance.now();
  await step();
  return performance.now() - start;
}
