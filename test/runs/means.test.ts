import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Engine, EngineEvent, RunJob } from "../../src/engine/protocol.ts";
import type { Problem } from "../../src/problem.ts";
import type { MeanTexts } from "../../src/runs/mean-texts.ts";
import { Means } from "../../src/runs/means.ts";
import { gate, until } from "../support/app.ts";

const model = { id: "tiny", revision: "r", nLayers: 1 };
const textsOf = (key: string, ...tokens: number[][]): MeanTexts => ({ key, tokens, dataset: null, tokensPerText: null });
const never = new AbortController().signal;

/** An engine whose one site sums the tokens' ids themselves, from position 1 on, and their squares. */
function summing(before: (job: RunJob) => Promise<unknown> = async () => {}) {
  const jobs: RunJob[] = [];
  const signals: AbortSignal[] = [];
  const run = async function* (job: RunJob, signal: AbortSignal): AsyncGenerator<EngineEvent, void, void> {
    jobs.push(job);
    signals.push(signal);
    await before(job);
    const ids = job.tokens.slice(1);
    const values = Float64Array.of(
      ids.reduce((a, b) => a + b, 0),
      ids.reduce((a, b) => a + b * b, 0),
    );
    if (job.tokens[0] === 13) return yield { type: "error", problem: { code: "engine_failed", detail: "Unlucky." } };
    yield { type: "layer", variants: [0], step: 1, sums: [{ block: 0, site: "mlp_out", values }] };
    yield { type: "done", queueMs: 0, engineMs: 0 };
  };
  return { jobs, signals, engine: { run } as unknown as Engine };
}

function meansOver(engine: Engine, folder = mkdtempSync(join(tmpdir(), "stratascope-means-"))) {
  const failed: unknown[] = [];
  return { folder, failed, means: new Means({ engine, folder, failed: (error) => failed.push(error) }) };
}

describe("Means", () => {
  const texts = textsOf("a".repeat(32), [0, 1, 2], [0, 30], ...Array.from({ length: 20 }, (_, i) => [0, i, i]));
  const all = texts.tokens.flatMap((ids) => ids.slice(1));
  const expected = [all, all.map((id) => id * id)].map((each) => Math.fround(each.reduce((a, b) => a + b, 0) / all.length));

  it("Are over positions 1 and up of all texts, each text one background run that reads out nothing but the last place", async () => {
    const { engine, jobs } = summing();
    const table = await meansOver(engine).means.get(model, texts, never);
    expect([...table]).toEqual([["0 mlp_out", Float32Array.from(expected)]]);
    expect(jobs).toHaveLength(22);
    expect(jobs[0]).toMatchObject({
      priority: "background",
      capture: ["sums"],
      readout: { positions: [2], layers: "final", topK: 1 },
    });
  });

  it("Are computed once for all who ask at the same time, and kept in memory and beyond a restart", async () => {
    const { engine, jobs } = summing();
    const { means, folder } = meansOver(engine);
    const [first, second] = await Promise.all([means.get(model, texts, never), means.get(model, texts, never)]);
    expect(second).toBe(first);
    expect(await means.get(model, texts, never)).toBe(first);
    expect(await meansOver(engine, folder).means.get(model, texts, never)).toEqual(first);
    expect(jobs).toHaveLength(22);
    expect(readdirSync(folder)).toEqual([`${texts.key}.means`]);
    await means.get(model, textsOf("b".repeat(32), [0, 1]), never);
    expect(jobs).toHaveLength(23);
  });

  it("Are computed again where a file is torn or says another key", async () => {
    const { engine, jobs } = summing();
    const { means, folder } = meansOver(engine);
    const table = await means.get(model, texts, never);
    const path = join(folder, `${texts.key}.means`);
    const whole = readFileSync(path);
    const broken = [
      whole.subarray(0, -4),
      whole.subarray(0, 10),
      Buffer.from("{}\n"),
      Buffer.from(whole.toString("latin1").replace(/a{32}/, "c".repeat(32)), "latin1"),
    ];
    for (const [i, bytes] of broken.entries()) {
      writeFileSync(path, bytes);
      expect(await meansOver(engine, folder).means.get(model, texts, never)).toEqual(table);
      expect(jobs).toHaveLength(22 * (i + 2));
      expect(readFileSync(path)).toEqual(whole);
    }
  });

  it("Go on while anybody waits, and end when nobody does", async () => {
    const hold = gate();
    const { engine, jobs, signals } = summing(() => hold.opened);
    const { means } = meansOver(engine);
    const [one, other] = [new AbortController(), new AbortController()];
    const waits = [one, other].map(({ signal }) => means.get(model, texts, signal).catch((error: Problem) => error.code));
    await until(() => signals.length > 0);
    one.abort();
    expect(await waits[0]).toBe("cancelled");
    expect(signals[0]?.aborted).toBe(false);
    other.abort();
    expect(await waits[1]).toBe("cancelled");
    expect(signals[0]?.aborted).toBe(true);
    // Who asks now starts anew.
    const asked = jobs.length;
    const again = means.get(model, texts, never);
    hold.open();
    expect((await again).size).toBe(1);
    expect(jobs.length).toBeGreaterThan(asked);
    await expect(means.get(model, textsOf("d", [0, 1]), AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
  });

  it("End with the engine's problem, and are tried again by the next", async () => {
    const { engine, jobs } = summing();
    const { means, folder } = meansOver(engine);
    const unlucky = textsOf("e".repeat(32), [0, 1], [13, 1]);
    await expect(means.get(model, unlucky, never)).rejects.toMatchObject({ code: "engine_failed", message: "Unlucky." });
    await expect(means.get(model, unlucky, never)).rejects.toMatchObject({ code: "engine_failed" });
    expect(jobs).toHaveLength(4);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("Are given where they cannot be kept, and the reason is told", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "stratascope-means-")), "a file");
    writeFileSync(file, "");
    const { means, failed } = meansOver(summing().engine, file);
    expect((await means.get(model, texts, never)).size).toBe(1);
    expect(failed).toHaveLength(1);
  });
});
