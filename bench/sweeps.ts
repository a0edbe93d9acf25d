/** The delete-and-swap sweep, in the engine: against the floor of its multiplications, and against running it singly. */
import type { RunJob } from "../src/engine/protocol.ts";
import { baselineSchedule } from "../src/engine/schedule.ts";
import { SHAPE } from "./checkpoint.ts";
import { deletionsAndSwaps, floorFlops, openBench } from "./harness.ts";
import { matrixRate } from "./machine.ts";
import { median, print } from "./report.ts";

const REPEATS = 7;
/** Rows × blocks of baseline, 12 deletions and 11 swaps whose shared prefixes are computed once. */
const ROW_BLOCKS = 144;

/** Milliseconds of one block's call and of one read-out at T = 8: what the first layer of a run has to take. */
export interface Parts {
  readonly blockMs: number;
  readonly readoutMs: number;
}

export async function benchSweeps(folder: string): Promise<Parts> {
  const { spec, counters, run, job: jobOf } = await openBench(folder);
  const rate = await matrixRate(spec);
  const job = (schedules: RunJob["schedules"], T: number, all: boolean): RunJob =>
    jobOf(T, {
      schedules,
      baseline: schedules.length > 1 ? 0 : null,
      ...(all && { readout: { positions: Array.from({ length: T }, (_, i) => i) } }),
    });

  const cases = [
    { T: 64, all: false, bar: 1.2, alone: 2.0 },
    { T: 64, all: true, bar: 1.5, alone: null },
    { T: 8, all: false, bar: 1.8, alone: 3.5 },
    { T: 8, all: true, bar: 1.8, alone: null },
  ];
  for (const { T, all, bar, alone } of cases) {
    const schedules = deletionsAndSwaps(SHAPE.layers);
    await run(job(schedules, T, all));
    const times: number[] = [];
    const ratios: number[] = [];
    const single: number[] = [];
    let calls = 0;
    let best = 0;
    for (let i = 0; i < REPEATS; i++) {
      best = await rate();
      const readouts = schedules.length * (all ? T : 1);
      const floor = floorFlops(spec, ROW_BLOCKS, T, readouts) / best / 1e6;
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
