/** Who takes which job when, on both kinds of databases, with outputs that a test hands out when it likes. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Backing, type Ground } from "../../src/experiments/backing.ts";
import { Experiments } from "../../src/experiments/experiments.ts";
import { Followers } from "../../src/experiments/followers.ts";
import { appendState, Keeper } from "../../src/experiments/keeper.ts";
import { pack } from "../../src/experiments/pack.ts";
import { queueChunks, recover } from "../../src/experiments/queueing.ts";
import { changeState, findExperiment, insertChunks, insertExperiment, lockExperiment } from "../../src/experiments/repository.ts";
import type { Study } from "../../src/experiments/study.ts";
import { type ChunkOutcome, Worker } from "../../src/experiments/worker.ts";
import { silentLog } from "../../src/log.ts";
import { Problem } from "../../src/problem.ts";
import { newRunId } from "../../src/runs/run-id.ts";
import { openJobs } from "../../src/store/jobs.ts";
import { Store } from "../../src/store/store.ts";
import { type Json, until } from "../support/app.ts";
import { DATABASE_KINDS, type TestDatabases } from "../support/databases.ts";

/** Files of nothing: what it adds up needs no model. */
const study: Study = {
  ...{ kind: "activations", settings: { sites: ["resid_post"], positions: "all" }, seed: 0, version: "test", notes: {} },
  ...{ data: { dataset: null, sha256: "", texts: 3 }, tokensPerText: 2, prependBos: false },
  model: {
    ...{ id: "m", revision: "r", family: "gpt2", nLayers: 2, dModel: 4, nHeads: 1, headDim: 4, dMlp: 8 },
    ...{ vocabSize: 9, tokenCount: 9, contextLength: 9, gated: false, parallel: false },
  },
};

/** A chunk that somebody computes. */
interface Asked {
  readonly chunk: number;
  readonly signal: AbortSignal;
  give(): void;
  fail(error: Error): void;
}

describe.each(DATABASE_KINDS)("Experiments, $kind:", ({ kind, start: startDatabases }) => {
  let databases: TestDatabases;
  beforeAll(async () => {
    databases = await startDatabases();
  });
  afterAll(() => databases.remove());

  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const each of undo.splice(0).reverse()) await each();
  });

  /** A replica without an engine. */
  async function replica(place: Awaited<ReturnType<TestDatabases["place"]>>, slots: number) {
    const asked: Asked[] = [];
    const outcomes: ChunkOutcome[] = [];
    const failures: unknown[] = [];
    const failed = (error: unknown) => void failures.push(error);
    const store = new Store({ ...place, log: silentLog });
    const followers = new Followers();
    const keeper = new Keeper(() => {});
    const backing: Backing = new Backing({
      store,
      openJobs: (db) => openJobs(db, { available: (queue) => worker.wake(queue), failed }),
      told: (id) => followers.told(id),
      stopped: (id) => worker.stop(id),
      opened: async (ground) => {
        await recover(ground, new Set());
        worker.start();
      },
    });
    const worker: Worker = new Worker({
      ...{ open: () => backing.open(), keeper, slots, trouble: () => {}, foundAgain: recover, failed },
      counted: (outcome) => outcomes.push(outcome),
      computer: {
        compute: (_, input, signal) =>
          new Promise((resolve, reject) => {
            const { first } = input as { first: number };
            const output = pack({ shard: Uint8Array.of(first), count: first + 1, sha256: `${first}` });
            asked.push({ chunk: first, signal, give: () => resolve(output), fail: reject });
            signal.addEventListener("abort", () => reject(new Problem("cancelled", "given up")), { once: true });
          }),
      },
    });
    undo.push(async () => {
      await worker.close();
      await backing.close();
      await store.close();
    });
    const planning = null as never;
    const experiments = new Experiments({
      ...{ backing, keeper, followers, planning, trouble: () => null, ended: () => {}, starting: (start) => start() },
    });
    const ground = await backing.open();
    return { asked, outcomes, failures, worker, experiments, ground };
  }

  /** An experiment whose chunks have so many units. */
  async function insert(ground: Ground, units: readonly number[]): Promise<string> {
    const id = newRunId();
    await ground.db.transaction(async (tx) => {
      const total = units.reduce((a, b) => a + b);
      const stored = await insertExperiment(tx, { id, study, total, idempotencyKey: null, requestHash: "" });
      if (!stored) throw new Error("it is there already");
      const inputs = units.map((each, first) => pack({ units: each, input: { first, texts: [Int32Array.of(1, 2)] } }));
      await queueChunks(ground, tx, id, await insertChunks(tx, id, inputs));
      await appendState(tx, stored);
    });
    return id;
  }

  const stateOf = async ({ db }: Ground, id: string) => (await findExperiment(db, id))?.state;
  const rowsOf = async (of: Experiments, id: string) => (await of.result(id)).table.rows.map(({ sha256 }) => sha256);

  async function eventsOf(of: Experiments, id: string): Promise<Json[]> {
    const follower = await of.follow(id, 0);
    const events: Json[] = [];
    for (let batch = await follower.next(10_000); typeof batch === "object"; batch = await follower.next(10_000))
      events.push(...batch.map(({ json }) => JSON.parse(json)));
    return events;
  }

  test("a chunk without units that comes last is waited for, and added in its place", async () => {
    const { asked, experiments, ground, failures } = await replica(await databases.place(), 3);
    const id = await insert(ground, [0, 0, 1]);
    await until(() => asked.length === 3);
    asked.find(({ chunk }) => chunk === 2)?.give();
    await until(async () => (await experiments.get(id)).progress.done === 1);
    asked.find(({ chunk }) => chunk === 1)?.give();
    await until(async () => (await experiments.countChunks(id)).finished.size === 2);
    expect(await stateOf(ground, id)).toBe("running");
    asked.find(({ chunk }) => chunk === 0)?.give();
    await until(async () => (await stateOf(ground, id)) === "completed");
    expect(await rowsOf(experiments, id)).toEqual(["0", "1", "2"]);
    expect(failures).toEqual([]);
    expect((await eventsOf(experiments, id)).at(-1)).toMatchObject({ type: "done" });
  });

  test("what is resumed before its worker has noticed that it was cancelled loses no chunk", async () => {
    const { asked, experiments, ground } = await replica(await databases.place(), 2);
    const id = await insert(ground, [1, 1, 1]);
    for (let times = 1; times <= 5; times++) {
      await until(() => asked.filter(({ signal }) => !signal.aborted).length >= 2);
      if (times === 3) asked.findLast(({ signal }) => !signal.aborted)?.give();
      await experiments.remove(id);
      await experiments.resume(id);
    }
    const giving = setInterval(() => {
      for (const each of asked) each.give();
    }, 5);
    await until(async () => (await stateOf(ground, id)) === "completed").finally(() => clearInterval(giving));
    expect(await rowsOf(experiments, id)).toEqual(["0", "1", "2"]);
    const events = await eventsOf(experiments, id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
    expect(events.filter(({ type }) => type === "done")).toHaveLength(1);
  });

  test("one that fails ends, with its other chunks given up, and can be resumed", async () => {
    const { asked, experiments, ground, outcomes } = await replica(await databases.place(), 2);
    const id = await insert(ground, [1, 1, 1]);
    await until(() => asked.length === 2);
    asked[1]?.fail(new Problem("engine_failed", "It broke."));
    await until(async () => (await stateOf(ground, id)) === "failed");
    await until(() => outcomes.length === 2);
    expect([...outcomes].sort()).toEqual(["failed", "given_back"]);
    expect((await eventsOf(experiments, id)).at(-1)).toMatchObject({ type: "error", problem: { detail: "It broke." } });
    await expect(experiments.result(id)).rejects.toThrow(
      "The experiment is failed at 0 of 3: It broke.; its result is there when",
    );
    await experiments.resume(id);
    const giving = setInterval(() => {
      for (const each of asked) each.give();
    }, 5);
    await until(async () => (await stateOf(ground, id)) === "completed").finally(() => clearInterval(giving));
    expect(await rowsOf(experiments, id)).toEqual(["0", "1", "2"]);
  });

  // One connection has no two that wait for each other.
  test.skipIf(kind === "embedded")("one that ends while it is being cancelled keeps its result", async () => {
    const { experiments, ground } = await replica(await databases.place(), 0);
    const id = await insert(ground, [1]);
    const { removing } = await ground.db.transaction(async (tx) => {
      await lockExperiment(tx, id);
      const removing = experiments.remove(id);
      await until(async () => {
        const sql = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        return (await tx.query(sql)).length > 0;
      });
      await changeState(tx, id, ["queued"], { state: "completed" });
      return { removing };
    });
    expect(await removing).toMatchObject({ id, state: "completed", error: null });
    expect(await experiments.remove(id)).toBeNull();
    await expect(experiments.get(id)).rejects.toThrow("There is no experiment");
  });

  test("a worker that is closed gives back what it has, and the next one goes on with it", async () => {
    const place = await databases.place();
    const first = await replica(place, 2);
    const id = await insert(first.ground, [1, 1, 1]);
    await until(() => first.asked.length === 2);
    await first.worker.close();
    expect(first.outcomes).toEqual(["given_back", "given_back"]);
    expect(first.asked.every(({ signal }) => signal.aborted)).toBe(true);
    const jobs = await first.ground.jobs.fetch("chunks", 9);
    expect(jobs.map(({ data }) => data)).toHaveLength(3);
    for (const job of jobs) await first.ground.jobs.retry("chunks", job.id);
    for (const each of undo.splice(0).reverse()) await each();
    const second = await replica(place, 3);
    await until(() => second.asked.length === 3);
    for (const each of second.asked) each.give();
    await until(async () => (await stateOf(second.ground, id)) === "completed");
    expect(await rowsOf(second.experiments, id)).toEqual(["0", "1", "2"]);
  });

  test("jobs that were taken, but by nobody who knows of it, come back", async () => {
    const place = await databases.place();
    const { ground, experiments } = await replica(place, 0);
    const id = await insert(ground, [1, 1]);
    const [lost, held] = await ground.jobs.fetch("chunks", 2);
    expect(await ground.jobs.fetch("chunks", 2)).toEqual([]);
    await recover(ground, new Set([held?.id as string]));
    // Where replicas share the database, they come back when their heartbeat runs out: somebody may have them.
    const again = (await ground.jobs.fetch("chunks", 2)).map((job) => job.id);
    expect(again).toEqual(place.databaseUrl === null ? [lost?.id] : []);
    expect((await experiments.get(id)).state).toBe("queued");
  });

  test("a job that is gone although its chunk has no output is there after the next start", async () => {
    const place = await databases.place();
    const first = await replica(place, 0);
    const id = await insert(first.ground, [1, 1]);
    const jobs = await first.ground.jobs.fetch("chunks", 2);
    for (const job of jobs) await first.ground.jobs.complete(first.ground.db, "chunks", job.id);
    for (const each of undo.splice(0).reverse()) await each();
    const second = await replica(place, 2);
    await until(() => second.asked.length === 2);
    for (const each of second.asked) each.give();
    await until(async () => (await stateOf(second.ground, id)) === "completed");
  });
});
