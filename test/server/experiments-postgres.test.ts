/** Experiments that replicas share over a PostgreSQL server: one is killed, one cancels what another computes, the server is lost. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Json, until } from "../support/app.ts";
import {
  cancelExperiment,
  expectWhole,
  getExperiment,
  postExperiment,
  readToEnd,
  resultOf,
  startExperiment,
  sweepOf,
} from "../support/experiment-client.ts";
import { hasPostgres, startPostgres, type TestPostgres } from "../support/postgres.ts";
import type { Server } from "../support/server.ts";
import { serverGroup } from "../support/server-group.ts";

const chunks = 20;
const request = sweepOf(chunks);
/** One whose only chunk takes long: all deletions and swaps of eight texts of 128 tokens. */
const slow = {
  kind: "layer-interventions",
  model: "prose-6m",
  data: { dataset: "prose-heldout" },
  texts: 8,
  tokens_per_text: 128,
} as const;
const interactive = { model: "prose-6m", prompt: "She opened the door", readout: { positions: "last" } };

const servers = serverGroup({ THREADS: "1", SSE_HEARTBEAT_SECONDS: "1" });
afterEach(() => servers.killAll());

/** What a replica has done with chunks. */
async function chunksOf({ url }: Server, outcome: "stored" | "given_back"): Promise<number> {
  return metric(await (await fetch(`${url}/metrics`)).text(), `stratascope_experiment_chunks_total{outcome="${outcome}"}`);
}

function metric(text: string, name: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

describe.skipIf(!hasPostgres)("Replicas on one PostgreSQL", () => {
  let postgres: TestPostgres;
  let undisturbed: Awaited<ReturnType<typeof resultOf>>;
  let databases = 0;
  /** A database of the test's own, and replicas on it. */
  const world = async () => {
    const url = await postgres.create(`experiments_${databases++}`);
    const replica = (environment: Record<string, string> = {}) => servers.start({ DATABASE_URL: url, ...environment });
    return { url, replica };
  };

  beforeAll(async () => {
    postgres = await startPostgres();
    // Alone, on an embedded database: what it is stored in changes nothing.
    const server = await servers.start();
    const id = await startExperiment(server, request);
    expectWhole(await readToEnd(server, id));
    undisturbed = await resultOf(server, id);
    await server.end("SIGKILL");
  }, 120_000);
  afterAll(() => postgres?.remove());

  test("Share the chunks of an experiment, and all stream its events", async () => {
    const { replica } = await world();
    const [first, second] = await Promise.all([replica(), replica()]);
    const id = await startExperiment(first, request);
    const [here, there] = await Promise.all([readToEnd(first, id), readToEnd(second, id)]);
    expectWhole(here);
    expect(there).toEqual(here);
    expect(await resultOf(first, id)).toEqual(undisturbed);
    expect(await resultOf(second, id)).toEqual(undisturbed);
    const stored = [await chunksOf(first, "stored"), await chunksOf(second, "stored")];
    expect(Math.min(...stored)).toBeGreaterThan(0);
    expect(stored.reduce((a, b) => a + b)).toBe(chunks);
  }, 120_000);

  test("Finish what one had in hand that is killed, when its heartbeat has run out", async () => {
    const { replica } = await world();
    const [first, second] = await Promise.all([replica(), replica({ EXPERIMENT_CHUNKS: "1" })]);
    const id = await startExperiment(first, request);
    const reading = readToEnd(second, id);
    await until(async () => (await chunksOf(first, "stored")) > 1, 30_000);
    await first.end("SIGKILL");
    const events = await reading;
    expectWhole(events);
    expect(await resultOf(second, id)).toEqual(undisturbed);
    // And another one that comes later finds all of it.
    const third = await replica();
    expect(await readToEnd(third, id)).toEqual(events);
    expect(await resultOf(third, id)).toEqual(undisturbed);
  }, 120_000);

  test("Give back at SIGTERM what they had in hand: others can take it at once", async () => {
    const { url, replica } = await world();
    const [serving, worker] = await Promise.all([replica({ EXPERIMENT_CHUNKS: "0" }), replica()]);
    const id = await startExperiment(serving, request);
    await until(async () => (await chunksOf(worker, "stored")) > 1, 30_000);
    expect(await worker.end("SIGTERM")).toBe(0);
    const client = new pg.Client(url);
    await client.connect();
    const { rows } = await client.query("SELECT state, count(*)::int AS jobs FROM stratascope_jobs.job GROUP BY state");
    await client.end();
    const left = chunks - (await getExperiment(serving, id)).progress.done / 32;
    expect(rows.reduce((sum: number, { jobs }: Json) => sum + jobs, 0)).toBe(left);
    expect(rows.map(({ state }: Json) => state)).not.toContain("active");
    await replica();
    expectWhole(await readToEnd(serving, id));
    expect(await resultOf(serving, id)).toEqual(undisturbed);
    expect(await chunksOf(serving, "stored")).toBe(0);
  }, 120_000);

  test("One stops within a call what another one cancels, and what is resumed goes on where it was", async () => {
    const { replica } = await world();
    const [serving, worker] = await Promise.all([replica({ EXPERIMENT_CHUNKS: "0" }), replica({ EXPERIMENT_CHUNKS: "1" })]);
    const engine = async (name: string) => metric(await (await fetch(`${worker.url}/metrics`)).text(), `stratascope_${name}`);
    const id = await startExperiment(serving, slow);
    await until(async () => (await engine("block_calls_total")) > 3, 30_000);
    const response = await cancelExperiment(serving, id);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ state: "cancelled", progress: { done: 0 }, error: { code: "cancelled" } });
    await until(async () => (await chunksOf(worker, "given_back")) === 1, 10_000);
    await until(async () => (await engine("engine_ready_rows")) === 0, 10_000);
    const calls = await engine("block_calls_total");
    await sleep(1000);
    expect(await engine("block_calls_total")).toBe(calls);
    expect((await readToEnd(worker, id)).map(({ type }) => type)).toEqual(["state", "state", "state", "error"]);
    const resumed = await fetch(`${worker.url}/v1/experiments/${id}/resume`, { method: "POST" });
    expect(await resumed.json()).toMatchObject({ state: "queued", error: null, finished_at: null });
    await until(async () => (await getExperiment(serving, id)).state === "completed", 60_000);
    expect(await chunksOf(worker, "stored")).toBe(1);
  }, 120_000);

  test("Pause while the database is lost, say why, and go on by themselves; runs never notice", async () => {
    const { replica } = await world();
    const [first, second] = await Promise.all([replica(), replica()]);
    const id = await startExperiment(first, request);
    const reading = Promise.all([readToEnd(first, id), readToEnd(second, id)]);
    for (let i = 1; i <= 3; i++) {
      const { done } = (await getExperiment(first, id)).progress;
      await until(async () => (await getExperiment(first, id)).progress.done > done, 30_000);
      await postgres.stop("immediate");
      await until(async () => (await getExperiment(first, id)).state === "paused", 20_000);
      expect((await getExperiment(first, id)).reason).toContain("cannot be used");
      const ready = await fetch(`${first.url}/readyz`);
      expect(ready.status).toBe(503);
      expect(await ready.json()).toMatchObject({ type: "urn:stratascope:problem:store_unavailable" });
      const refused = await postExperiment(first, request);
      expect(refused.status).toBe(503);
      expect((await refused.json()).detail).toContain("cannot be used");
      const run = await first.post(interactive);
      expect(run.status).toBe(200);
      expect(await run.text()).toContain("event: done");
      await postgres.start();
    }
    const [here, there] = await reading;
    expectWhole(here);
    expect(there).toEqual(here);
    expect(await resultOf(second, id)).toEqual(undisturbed);
    await until(async () => (await fetch(`${first.url}/readyz`)).status === 200, 20_000);
    await until(async () => (await fetch(`${second.url}/readyz`)).status === 200, 20_000);
  }, 180_000);

  test("Are told, when one starts, what keeps the database from being reached; and their password is not", async () => {
    const port = postgres.port + 1;
    const start = servers.start({ DATABASE_URL: `postgres://user:hidden@127.0.0.1:${port}/none` });
    const error = await start.then(
      () => null,
      (error: Error) => error.message,
    );
    expect(error).toContain("the server ended with 1");
    expect(error).toContain(`The database "none" on 127.0.0.1:${port} cannot be used: connect ECONNREFUSED`);
    expect(error).not.toContain("hidden");
    const wrong = postgres.url.replace(/:[^:@]*@/, ":wrong@");
    await expect(servers.start({ DATABASE_URL: wrong })).rejects.toThrow("password authentication failed");
  });
});
