/** Work timed on a machine that others use too: the matrix rate is measured between its calls, all the way through. */
import type { MatrixRate } from "./machine.ts";

/** Of work between two measurements of the rate. */
const PROBE_EVERY_MS = 250;
/** Products a time: the second finds its matrix in the cache. */
const PROBE_TRIES = 2;

export interface Paced {
  /** Milliseconds of the work alone. */
  readonly ms: number;
  /** GFLOP/s while it went on: as many FLOPs as all probes have over the time of all. */
  readonly rate: number;
  /** Of the slowest call. */
  readonly longestMs: number;
}

/** Calls `step` until it says that nothing is left. */
export async function paced(rate: MatrixRate, step: () => Promise<boolean>): Promise<Paced> {
  let [ms, since, longestMs] = [0, PROBE_EVERY_MS, 0];
  const nanoseconds: number[] = [];
  for (let goesOn = true; goesOn; ) {
    if (since >= PROBE_EVERY_MS) {
      nanoseconds.push(1 / (await rate(PROBE_TRIES)));
      since = 0;
    }
    const start = performance.now();
    goesOn = await step();
    const took = performance.now() - start;
    ms += took;
    since += took;
    longestMs = Math.max(longestMs, took);
  }
  nanoseconds.push(1 / (await rate(PROBE_TRIES)));
  return { ms, rate: nanoseconds.length / nanoseconds.reduce((sum, each) => sum + each, 0), longestMs };
}

/** How many times the work took what its FLOPs take at the rate. */
export function overFloor({ ms, rate }: Paced, flops: number): number {
  return ms / (flops / rate / 1e6);
}
