import { describe, expect, it } from "vitest";
import type { CensusJob, CensusRows } from "../../src/engine/protocol.ts";
import { Censuses } from "../../src/experiments/censuses.ts";
import { Problem } from "../../src/problem.ts";

const never = new AbortController().signal;
const ask = { model: "tiny", revision: "r", layer: 0, weights: "folded" } as const;

/** Rows that hold the layer; `gates` are waited for. */
function counting(wait: (job: CensusJob, signal: AbortSignal) => Promise<void> = async () => {}) {
  const jobs: CensusJob[] = [];
  const census = async (job: CensusJob, signal: AbortSignal): Promise<CensusRows> => {
    jobs.push(job);
    await wait(job, signal);
    const rows = Float64Array.of(job.layer);
    return { kurtosis: rows, skew: rows, variance: rows, setEffects: (job.tokenSets ?? []).map(() => rows) };
  };
  return { jobs, censuses: new Censuses({ census }) };
}

describe("Censuses", () => {
  it("are taken once for all who ask, and kept", async () => {
    const { jobs, censuses } = counting();
    const [a, b] = await Promise.all([censuses.get(ask, never), censuses.get({ ...ask }, never)]);
    expect(a).toBe(b);
    expect(await censuses.get(ask, never)).toBe(a);
    expect(jobs).toHaveLength(1);
    expect(jobs[0]).toMatchObject(ask);
  });

  it("of other layers, weights, files and token sets are others", async () => {
    const { jobs, censuses } = counting();
    const others = [
      { layer: 1 },
      { weights: "raw" },
      { revision: "s" },
      { tokenSets: [[1, 2]] },
      { tokenSets: [[1], [2]] },
    ] as const;
    for (const other of [{}, ...others]) await censuses.get({ ...ask, ...other }, never);
    expect(jobs).toHaveLength(6);
    expect((await censuses.get({ ...ask, tokenSets: [[1], [2]] }, never)).setEffects).toHaveLength(2);
    expect(jobs).toHaveLength(6);
  });

  it("that failed are taken again", async () => {
    let fails = true;
    const { jobs, censuses } = counting(async () => {
      if (fails) throw new Problem("engine_failed", "It died.");
    });
    await expect(censuses.get(ask, never)).rejects.toThrow("It died.");
    fails = false;
    expect((await censuses.get(ask, never)).kurtosis).toEqual(Float64Array.of(0));
    expect(jobs).toHaveLength(2);
  });

  it("who gives up the wait is told so; the work ends when nobody waits", async () => {
    const aborted: string[] = [];
    const { jobs, censuses } = counting(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted.push("stopped");
            reject(new Error("stopped"));
          });
        }),
    );
    const [first, second] = [new AbortController(), new AbortController()];
    const waits = [censuses.get(ask, first.signal), censuses.get(ask, second.signal)].map((wait) =>
      wait.then(
        () => "done",
        (error: Problem) => `${error.code}: ${error.message}`,
      ),
    );
    first.abort();
    expect(await waits[0]).toBe("cancelled: The chunk was given up while it waited for a census.");
    expect(aborted).toEqual([]);
    second.abort();
    expect(await waits[1]).toBe("cancelled: The chunk was given up while it waited for a census.");
    expect(aborted).toEqual(["stopped"]);
    expect(jobs).toHaveLength(1);
  });
});
