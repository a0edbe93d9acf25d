/** Queues of jobs, on both kinds, and with several processes on a server. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { silentLog } from "../../src/log.ts";
import type { Database } from "../../src/store/database.ts";
import { HEARTBEAT_SECONDS, type Jobs, type NewJob, openJobs } from "../../src/store/jobs.ts";
import { Store } from "../../src/store/store.ts";
import { DATABASE_KINDS, type TestDatabases } from "../support/databases.ts";
import { hasPostgres, startPostgres, type TestPostgres } from "../support/postgres.ts";

const failed = (error: unknown) => {
  throw error;
};
const newJobs = (n: number): NewJob[] =>
  Array.from({ length: n }, (_, chunk) => ({ id: randomUUID(), data: { experiment: "e", chunk } }));
const idsOf = (jobs: readonly { readonly id: string }[]) => jobs.map(({ id }) => id).sort();

/** Runs a script of test/support. `lines`: what it has said so far. */
function run(runtime: "bun" | "node", script: string, ...args: string[]) {
  const child = spawn(`node_modules/.bin/${runtime}`, [`test/support/${script}`, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  const ended = new Promise<number | string | null>((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
  return {
    child,
    ended,
    lines: (start: string) =>
      output
        .split("\n")
        .filter((line) => line.startsWith(start))
        .map((line) => line.slice(start.length)),
  };
}

describe.each(DATABASE_KINDS)("jobs, $kind:", ({ start }) => {
  let databases: TestDatabases;
  let store: Store;
  let db: Database;
  let jobs: Jobs;
  let available: number;
  beforeAll(async () => {
    databases = await start();
    store = new Store({ ...(await databases.place()), log: silentLog });
    db = await store.database();
  });
  afterAll(async () => {
    await store.close();
    await databases.remove();
  });
  beforeEach(async () => {
    available = 0;
    jobs = await openJobs(db, { available: () => available++, failed });
    await db.query("DELETE FROM stratascope_jobs.job");
  });
  afterEach(() => jobs.stop());

  const enqueue = (queue: "chunks" | "finish", some: readonly NewJob[]) => db.transaction((tx) => jobs.enqueue(tx, queue, some));

  test("are fetched with their data, each once, from the queue that they are in", async () => {
    const some = newJobs(5);
    const [last] = newJobs(1);
    await enqueue("chunks", some);
    await enqueue("finish", [last as NewJob]);
    const first = await jobs.fetch("chunks", 3);
    const rest = await jobs.fetch("chunks", 10);
    expect([first.length, rest.length, await jobs.fetch("chunks", 1)]).toEqual([3, 2, []]);
    const byId = new Map([...first, ...rest].map(({ id, data }) => [id, data]));
    expect(byId).toEqual(new Map(some.map(({ id, data }) => [id, data])));
    expect(await jobs.fetch("finish", 10)).toEqual([last]);
  });

  test("the oldest come first", async () => {
    const [one, two] = [newJobs(3), newJobs(3)];
    await enqueue("chunks", one);
    await enqueue("chunks", two);
    expect([idsOf(await jobs.fetch("chunks", 3)), idsOf(await jobs.fetch("chunks", 3))]).toEqual([idsOf(one), idsOf(two)]);
  });

  test("are there, and told of, when their transaction has committed, and not where it failed", async () => {
    const some = newJobs(2);
    await db.transaction(async (tx) => {
      await jobs.enqueue(tx, "chunks", some);
      expect(available).toBe(0);
    });
    await expect.poll(() => available).toBe(1);
    const failing = db.transaction(async (tx) => {
      await jobs.enqueue(tx, "chunks", newJobs(2));
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(idsOf(await jobs.fetch("chunks", 10))).toEqual(idsOf(some));
    expect(available).toBe(1);
  });

  test("thousands are put into a queue at once, and those that are there already are left out", async () => {
    const many = newJobs(4500);
    await enqueue("chunks", many);
    await enqueue("chunks", many.slice(0, 10));
    expect(idsOf(await jobs.fetch("chunks", 10_000))).toEqual(idsOf(many));
  });

  test("are ended in the transaction of their work, and with it not", async () => {
    const [job] = newJobs(1) as [NewJob];
    await enqueue("chunks", [job]);
    await jobs.fetch("chunks", 1);
    const failing = db.transaction(async (tx) => {
      await jobs.complete(tx, "chunks", job.id);
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    await jobs.retry("chunks", job.id);
    expect(await jobs.fetch("chunks", 1)).toEqual([job]);
    await db.transaction((tx) => jobs.complete(tx, "chunks", job.id));
    await jobs.complete(db, "chunks", job.id);
    await jobs.retry("chunks", job.id);
    expect(await jobs.fetch("chunks", 1)).toEqual([]);
    expect(await db.query("SELECT count(*)::int AS left FROM stratascope_jobs.job")).toEqual([{ left: 0 }]);
  });

  test("that are given back are told of, and fetched again at once, with their data", async () => {
    const some = newJobs(2);
    await enqueue("chunks", some);
    const [one] = await jobs.fetch("chunks", 1);
    await expect.poll(() => available).toBe(1);
    await jobs.retry("chunks", one?.id ?? "");
    await expect.poll(() => available).toBe(2);
    const again = await jobs.fetch("chunks", 10);
    expect(idsOf(again)).toEqual(idsOf(some));
    expect(again.find(({ id }) => id === one?.id)).toEqual(one);
  });

  test("are dropped, waiting or not, and may be put into the queue again in the same transaction", async () => {
    const some = newJobs(4);
    await enqueue("chunks", some);
    const taken = await jobs.fetch("chunks", 2);
    await db.transaction(async (tx) => {
      await jobs.drop(tx, "chunks", [...some.map(({ id }) => id), randomUUID()]);
      await jobs.enqueue(tx, "chunks", some.slice(0, 3));
    });
    expect(taken.length).toBe(2);
    expect(idsOf(await jobs.fetch("chunks", 10))).toEqual(idsOf(some.slice(0, 3)));
    await jobs.drop(db, "chunks", []);
    await jobs.touch("chunks", []);
  });

  test("survive their process, and the queues are opened as they are", async () => {
    const some = newJobs(2);
    await enqueue("chunks", some);
    await jobs.stop();
    jobs = await openJobs(db, { available: () => {}, failed });
    expect(idsOf(await jobs.fetch("chunks", 10))).toEqual(idsOf(some));
  });

  test("queues of another make are brought up to what is asked of them now", async () => {
    await db.query("UPDATE stratascope_jobs.queue SET retry_limit = 1 WHERE name = 'chunks'");
    await jobs.stop();
    jobs = await openJobs(db, { available: () => {}, failed });
    expect(
      await db.query(
        "SELECT DISTINCT retry_limit, heartbeat_seconds FROM stratascope_jobs.queue WHERE name IN ('chunks', 'finish')",
      ),
    ).toEqual([{ retry_limit: 1_000_000, heartbeat_seconds: HEARTBEAT_SECONDS }]);
  });

  test.each(["bun", "node"] as const)("keep no process from ending (%s)", async (runtime) => {
    const { databaseUrl, folder } = await databases.place();
    const left = run(runtime, "leaving-child.ts", databaseUrl ?? "", folder);
    expect([await left.ended, left.lines("left")]).toEqual([0, [""]]);
  });
});

describe.skipIf(!hasPostgres)("jobs of several processes on a server", () => {
  let server: TestPostgres;
  let databaseUrl: string;
  let count = 0;
  const stores: Store[] = [];
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());
  beforeEach(async () => {
    databaseUrl = await server.create(`shared_${count++}`);
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });

  async function replica(): Promise<{ db: Database; jobs: Jobs; told: () => number }> {
    const store = new Store({ databaseUrl, folder: "", log: silentLog });
    stores.push(store);
    const db = await store.database();
    let told = 0;
    const jobs = await openJobs(db, { available: () => told++, failed });
    return { db, jobs, told: () => told };
  }

  test("replicas that start together make the queues once", async () => {
    const replicas = await Promise.all(Array.from({ length: 3 }, replica));
    const some = newJobs(3);
    await replicas[0]?.db.transaction((tx) => replicas[0]?.jobs.enqueue(tx, "chunks", some) as Promise<void>);
    await expect.poll(() => replicas.map(({ told }) => told())).toEqual([1, 1, 1]);
    const fetched = await Promise.all(replicas.map(({ jobs }) => jobs.fetch("chunks", 1)));
    expect(idsOf(fetched.flat())).toEqual(idsOf(some));
    for (const { jobs } of replicas) await jobs.stop();
  });

  test("each job is fetched by one of them", { timeout: 60_000 }, async () => {
    const { db, jobs } = await replica();
    const workers = [run("bun", "fetching-child.ts", databaseUrl, "3"), run("node", "fetching-child.ts", databaseUrl, "5")];
    const many = newJobs(600);
    await db.transaction((tx) => jobs.enqueue(tx, "chunks", many));
    const mine: string[] = [];
    for (let fetched = await jobs.fetch("chunks", 2); fetched.length > 0; fetched = await jobs.fetch("chunks", 2))
      for (const { id } of fetched) {
        mine.push(id);
        await db.transaction((tx) => jobs.complete(tx, "chunks", id));
      }
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0]);
    const all = [...mine, ...workers.flatMap(({ lines }) => lines("job "))];
    expect([all.length, all.sort()]).toEqual([600, idsOf(many)]);
    await jobs.stop();
  });

  test("those of a process that was killed come back when its heartbeat has run out, those of a living one do not", {
    timeout: 90_000,
  }, async () => {
    const { db, jobs } = await replica();
    const some = newJobs(4);
    await db.transaction((tx) => jobs.enqueue(tx, "chunks", some));
    const held = await jobs.fetch("chunks", 2);
    const heldIds = held.map(({ id }) => id);
    const touching = setInterval(() => void jobs.touch("chunks", heldIds), 2000);
    const worker = run("node", "fetching-child.ts", databaseUrl, "10", "hold");
    await expect.poll(() => worker.lines("job ").length, { timeout: 30_000 }).toBe(2);
    worker.child.kill("SIGKILL");
    await worker.ended;
    const back: string[] = [];
    await expect
      .poll(async () => back.push(...(await jobs.fetch("chunks", 10)).map(({ id }) => id)), { timeout: 60_000, interval: 500 })
      .toBe(2);
    clearInterval(touching);
    expect([back.sort(), heldIds.filter((id) => back.includes(id))]).toEqual([worker.lines("job ").sort(), []]);
    await jobs.stop();
  });

  test("a restart of the server in between loses none of them", { timeout: 60_000 }, async () => {
    const { db, jobs } = await replica();
    const some = newJobs(20);
    await db.transaction((tx) => jobs.enqueue(tx, "chunks", some));
    const done: string[] = [];
    const patiently = async <T>(act: () => Promise<T>): Promise<T> => {
      for (;;) {
        try {
          return await act();
        } catch (error) {
          if ((error as Error).name !== "DatabaseUnavailable") throw error;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    };
    for (
      let fetched = await jobs.fetch("chunks", 4);
      fetched.length > 0;
      fetched = await patiently(() => jobs.fetch("chunks", 4))
    ) {
      if (done.length === 8) await server.restart();
      for (const { id } of fetched) await patiently(() => db.transaction((tx) => jobs.complete(tx, "chunks", id)));
      done.push(...fetched.map(({ id }) => id));
    }
    expect(done.sort()).toEqual(idsOf(some));
    await jobs.stop();
  });
});
