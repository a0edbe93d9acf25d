/** The delete-and-swap sweep, in the engine: against the floor of its multiplications, and against running it singly. */
import { openCheckpoint } from "../src/engine/checkpoint/open.ts";
import { Counters } from "../src/engine/counters.ts";
import { loadModel } from "../src/engine/model.ts";
import type { RunJob } from "../src/engine/protocol.ts";
import { baselineSchedule, type Schedule } from "../src/engine/schedule.ts";
import { SHAPE } from "./checkpoint.ts";
import { matrixRate } from "./machine.ts";
import { median, print } from "./report.ts";

const REPEATS = 7;
/** Rows × blocks of baseline, 12 deletions and 11 swaps whose shared prefixes are computed once. */
const ROW_BLOCKS = 144;

function sweep(): Schedule[] {
  const baseline = baselineSchedule(SHAPE.layers);
  const deletions = baseline.steps.map((_, i) => ({ name: `delete.${i}`, steps: baseline.steps.filter((_, j) => j !== i) }));
  const swaps = baseline.steps.slice(1).map((_, i) => {
    const steps = [...baseline.steps];
    [steps[i], steps[i + 1]] = [steps[i + 1] as never, steps[i] as never];
    return { name: `swap.${i}`, steps };
  });
  return [baseline, ...deletions, ...swaps];
}

/** Milliseconds of one block's call and of one read-out at T = 8: what the first layer of a run has to take. */
export interface Parts {
  readonly blockMs: number;
  readonly readoutMs: number;
}

export async function benchSweeps(folder: string): Promise<Parts> {
  const counters = new Counters((error) => {
    throw error;
  });
  const spec = openCheckpoint(folder);
  const { wavefront } = await loadModel(spec, { threads: null, weights: "packed", half: null }, counters);
  const rate = await matrixRate(spec);
  let id = 0;
  const job = (schedules: readonly Schedule[], T: number, all: boolean): RunJob => ({
    id: String(id++),
    model: "bench",
    tokens: Array.from({ length: T }, (_, i) => (i * 7919 + 13) % SHAPE.vocab),
    schedules,
    baseline: schedules.length > 1 ? 0 : null,
    readout: {
      positions: all ? Array.from({ length: T }, (_, i) => i) : [T - 1],
      layers: "final",
      topK: 10,
      lens: "standard",
      targets: [],
    },
    capture: [],
    priority: "interactive",
  });
  const run = async (one: RunJob) => {
    const start = performance.now();
    wavefront.add(one, (event) => {
      if (event.type === "error") throw new Error(event.problem.detail);
    });
    while (wavefront.hasWork) await wavefront.step();
    return performance.now() - start;
  };

  const cases = [
    { T: 64, all: false, bar: 1.35, alone: 2.0 },
    { T: 64, all: true, bar: 1.7, alone: null },
    { T: 8, all: false, bar: 2.0, alone: 3.5 },
  ];
  for (const { T, all, bar, alone } of cases) {
    const schedules = sweep();
    await run(job(schedules, T, all));
    const times: number[] = [];
    const ratios: number[] = [];
    const single: number[] = [];
    let calls = 0;
    let best = 0;
    for (let i = 0; i < REPEATS; i++) {
      best = await rate();
      const readouts = schedules.length * (all ? T : 1);
      const floor = (ROW_BLOCKS * 24 * T * SHAPE.d ** 2 + readouts * 2 * SHAPE.d * SHAPE.vocab) / best / 1e6;
      const before = counters.snapshot().blockCalls;
      const time = await run(job(schedules, T, all));
      calls = counters.snapshot().blockCalls - before;
      times.push(time);
      ratios.push(time / floor);
      if (alone !== null && i < 3) {
        let sum = 0;
        for (const schedule of schedules) sum += await run(job([schedule], T, all));
        single.push(sum / time);
      }
    }
    const where = all ? "all positions" : "last position";
    const detail = `${median(times).toFixed(0)} ms, ${calls} calls, matrix rate ${best.toFixed(0)} GFLOP/s`;
    print({ name: `sweep, T = ${T}, ${where}, over the floor`, value: median(ratios), bar, unit: "×", detail });
    if (alone !== null) {
      const name = `sweep, T = ${T}, against one schedule after another`;
      print({ name, value: median(single), bar: alone, atLeast: true, unit: "×", detail: "same engine, same process" });
    }
  }
  return oneOfEach(job([baselineSchedule(1)], 8, false), run);
}

/** From runs of no block, of one and of two that read out once: what a block and a read-out add. */
async function oneOfEach(template: RunJob, run: (job: RunJob) => Promise<number>): Promise<Parts> {
  const times = async (blocks: number) => {
    const samples: number[] = [];
    for (let i = 0; i < 15; i++)
      samples.push(await run({ ...template, id: `part-${blocks}-${i}`, schedules: [baselineSchedule(blocks)] }));
    return median(samples);
  };
  const [none, many] = [await times(0), await times(SHAPE.layers)];
  return { blockMs: (many - none) / SHAPE.layers, readoutMs: none };
}
