/** A result's bits do not depend on how many chunks are computed at a time, on what else is computed, or on pauses. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExperimentRequestInput } from "../../src/schemas/experiments/request.ts";
import { until } from "../support/app.ts";
import { cancelExperiment, getExperiment, readToEnd, resultOf, startExperiment, sweepOf } from "../support/experiment-client.ts";
import { startService, type TestService } from "../support/service.ts";

const { data } = sweepOf(6);
const common = { model: "prose-6m", data, prepend_bos: false } as const;
/** Some of each way to compute and to add up. */
const REQUESTS: readonly ExperimentRequestInput[] = [
  { ...common, kind: "layer-interventions", settings: { operations: ["delete"] } },
  { ...common, kind: "component-norms" },
  { ...common, kind: "logit-lens", texts: 96 },
  { ...common, kind: "cka" },
  { ...common, kind: "layer-importance" },
  { ...common, kind: "head-importance", texts: 33, settings: { layers: [0, 1, 2] } },
  { ...common, kind: "layer-schedules", texts: 33, settings: { operations: ["shuffle", "reverse"] } },
];

type Results = readonly Awaited<ReturnType<typeof resultOf>>[];

const services: TestService[] = [];
async function service(chunks: number): Promise<TestService> {
  const folder = mkdtempSync(join(tmpdir(), "stratascope-"));
  const started = await startService({ DATA_DIR: folder, MODELS_DIR: "models", EXPERIMENT_CHUNKS: String(chunks) });
  services.push(started);
  return started;
}
afterAll(() => Promise.all(services.map((each) => each.stop())));

async function resultsOf(on: TestService, ids: readonly string[]): Promise<Results> {
  return Promise.all(
    ids.map(async (id) => {
      expect((await readToEnd(on, id)).at(-1)?.type).toBe("done");
      return resultOf(on, id);
    }),
  );
}

const start = (on: TestService) => Promise.all(REQUESTS.map((request) => startExperiment(on, request)));

describe("Results are the same to the bit", () => {
  let expected: Results;
  beforeAll(async () => {
    const alone = await service(1);
    // One after the other.
    const results: Awaited<ReturnType<typeof resultOf>>[] = [];
    for (const request of REQUESTS) results.push(...(await resultsOf(alone, [await startExperiment(alone, request)])));
    expected = results;
  }, 120_000);

  test.each([2, 5])(
    "with %i chunks at a time, of several experiments",
    async (chunks) => {
      const on = await service(chunks);
      expect(await resultsOf(on, await start(on))).toEqual(expected);
    },
    120_000,
  );

  test("beside interactive runs", async () => {
    const on = await service(2);
    let over = false;
    let runs = 0;
    const load = async () => {
      for (let n = 0; !over; n++) {
        const body = { model: "prose-6m", tokens: [n % 4000, 7, 11, 13], interventions: [{ op: "delete", layers: [n % 12] }] };
        const response = await fetch(`${on.url}/v1/runs`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
        expect(await response.text()).toContain("event: done");
        runs++;
      }
    };
    const loads = [load(), load()];
    const results = await resultsOf(on, await start(on)).finally(() => (over = true));
    await Promise.all(loads);
    expect(results).toEqual(expected);
    expect(runs).toBeGreaterThan(10);
  }, 120_000);

  test("after cancelling and resuming, again and again", async () => {
    const on = await service(3);
    const ids = await start(on);
    for (let i = 0; i < 3; i++) {
      const goes = async (id: string) => ["queued", "running"].includes((await getExperiment(on, id)).state);
      const done = async () => (await Promise.all(ids.map((id) => getExperiment(on, id)))).map(({ progress }) => progress.done);
      const before = (await done()).reduce((a, b) => a + b);
      await until(
        async () => (await done()).reduce((a, b) => a + b) > before || !(await Promise.all(ids.map(goes))).includes(true),
        30_000,
      );
      for (const id of ids) {
        if (!(await goes(id))) continue;
        const { state } = await (await cancelExperiment(on, id)).json();
        if (state === "cancelled")
          expect((await fetch(`${on.url}/v1/experiments/${id}/resume`, { method: "POST" })).status).toBe(200);
      }
    }
    await until(
      async () => (await Promise.all(ids.map((id) => getExperiment(on, id)))).every(({ state }) => state === "completed"),
      60_000,
    );
    expect(await Promise.all(ids.map((id) => resultOf(on, id)))).toEqual(expected);
  }, 120_000);
});
