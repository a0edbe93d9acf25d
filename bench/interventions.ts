/** Sweeps of heads and of patches, captures, and the memory of a prompt, on GPT-2 small's shape. */
import type { CaptureName, RunJob } from "../src/engine/protocol.ts";
import { baselineSchedule, type Edit, type Schedule, type Step } from "../src/engine/schedule.ts";
import { SHAPE } from "./checkpoint.ts";
import { type Bench, openBench, prompt } from "./harness.ts";
import { median, print } from "./report.ts";

const REPEATS = 5;
const BASELINE = baselineSchedule(SHAPE.layers);
const EVERYTHING: readonly CaptureName[] = [
  ...(["norms", "patterns", "attention_locality", "head_norms", "neurons", "components", "attribution"] as const),
];

export async function benchInterventions(folder: string): Promise<void> {
  const bench = await openBench(folder);
  await benchHeads(bench);
  await benchPatches(bench);
  await benchCaptures(bench);
  await bench.close();
  await benchMemory(folder);
}

/** The baseline with one block edited. */
function edited(name: string, block: number, edit: Edit): Schedule {
  return { name, steps: BASELINE.steps.map((step, i): Step => (i === block ? [{ block, edits: [edit] }] : step)) };
}

async function benchHeads(bench: Bench): Promise<void> {
  const block = 5;
  const heads = Array.from({ length: SHAPE.heads }, (_, head) => edited(`${head}`, block, { site: "z", head, scale: 0 }));
  await against(bench, "a head sweep of one layer, T = 8, against one run after another", 4, 8, [BASELINE, ...heads], {});
}

async function benchPatches(bench: Bench): Promise<void> {
  const T = 16;
  const cells = BASELINE.steps.flatMap((_, block) =>
    Array.from({ length: T }, (_, position): Schedule => {
      const add = [{ from: "source", index: 0, times: 1 }] as const;
      return edited(`${block}.${position}`, block, { site: "resid_pre", scale: 0, add, positions: [position] });
    }),
  );
  const sources = [{ tokens: prompt(T, bench.spec, 99) }];
  const name = `a patch sweep of ${SHAPE.layers} layers × ${T} positions, against one run after another`;
  await against(bench, name, 3, T, [BASELINE, ...cells], { sources, readout: { targets: [5, 6] } });
}

/** All schedules (the baseline first) in one run, against one run each; the baseline is run once either way. */
async function against(
  bench: Bench,
  name: string,
  bar: number,
  T: number,
  schedules: readonly Schedule[],
  given: Parameters<Bench["job"]>[1],
): Promise<void> {
  const together = () => bench.run(bench.job(T, { ...given, schedules, baseline: 0 }));
  const alone = async () => {
    let sum = 0;
    for (const schedule of schedules) sum += await bench.run(bench.job(T, { ...given, schedules: [schedule] }));
    return sum;
  };
  await together();
  const ratios: number[] = [];
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const time = await together();
    times.push(time);
    ratios.push((await alone()) / time);
  }
  const detail = `${schedules.length} variants in ${median(times).toFixed(0)} ms`;
  print({ name, value: median(ratios), bar, atLeast: true, unit: "×", detail });
}

async function benchCaptures(bench: Bench): Promise<void> {
  for (const T of [8, 64]) {
    const job = (capture: readonly CaptureName[]): RunJob =>
      bench.job(T, {
        capture,
        neurons: { top: 10, chosen: [] },
        readout: { layers: "all", targets: [5, 6] },
      });
    await bench.run(job(EVERYTHING));
    const ratios: number[] = [];
    const times: number[] = [];
    for (let i = 0; i < 2 * REPEATS; i++) {
      const none = await bench.run(job([]));
      const all = await bench.run(job(EVERYTHING));
      times.push(all);
      ratios.push(all / none);
    }
    print({
      name: `a run with every capture but residuals, T = ${T}, against one with none`,
      ...{ value: median(ratios), bar: 1.5, unit: "×" },
      detail: `${median(times).toFixed(0)} ms; every layer read out at the last position`,
    });
  }
}

async function benchMemory(folder: string): Promise<void> {
  const bench = await openBench(folder, 2 ** 28);
  const T = 64;
  const deleted: Schedule = { name: "deleted", steps: BASELINE.steps.slice(0, -1) };
  const ratios: number[] = [];
  const times: number[] = [];
  await bench.run(bench.job(T));
  for (let i = 0; i < REPEATS; i++) {
    const first = bench.job(T);
    const whole = await bench.run(first);
    const again = await bench.run({ ...first, id: `${first.id}-again`, schedules: [deleted] });
    times.push(again);
    ratios.push(again / whole);
  }
  await bench.close();
  print({
    name: "the last block of a prompt just run deleted, T = 64, final read-out, against its first run",
    ...{ value: median(ratios), bar: 0.25, unit: "×" },
    detail: `${median(times).toFixed(1)} ms`,
  });
}
