/** Experiments with real processes: server and engine killed at random moments, they end as if nothing had happened. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { pcg32 } from "../../src/metrics/pcg32.ts";
import { type Json, until } from "../support/app.ts";
import {
  cancelExperiment,
  enginePid,
  expectWhole,
  getExperiment,
  postExperiment,
  readOn,
  readToEnd,
  resultOf,
  startExperiment,
  sweepOf,
} from "../support/experiment-client.ts";
import type { Server } from "../support/server.ts";
import { serverGroup } from "../support/server-group.ts";

/** So many kills at least, of servers and engines together. */
const KILLS = 20;
const long = sweepOf(20);
const short = sweepOf(2, 1);

const random = pcg32(2406_19384);
/** So many milliseconds at most. */
const pause = (most: number) => sleep(random.below(most + 1));

const servers = serverGroup();
afterEach(() => servers.killAll());

let undisturbed: { readonly long: Whole; readonly short: Whole };
type Whole = Awaited<ReturnType<typeof resultOf>>;

beforeAll(async () => {
  const server = await servers.start();
  const whole = async (request: typeof long) => {
    const id = await startExperiment(server, request);
    expectWhole(await readToEnd(server, id));
    return resultOf(server, id);
  };
  undisturbed = { long: await whole(long), short: await whole(short) };
  await server.end("SIGKILL");
}, 120_000);

/** Kills the engine that is there, or comes within a moment. */
async function killEngine(server: Server): Promise<boolean> {
  for (let tries = 0; tries < 20; tries++) {
    const pid = enginePid(server);
    if (pid !== null) return process.kill(pid, "SIGKILL");
    await sleep(50);
  }
  return false;
}

describe("An experiment", () => {
  test("Killed with its server and its engine again and again, goes on by itself, bit for bit", async () => {
    let server = await servers.start();
    const { dataDir } = server;
    const killed = { server: 0, engine: 0, atWork: 0 };
    const enough = () => killed.server + killed.engine >= KILLS;
    while (!enough()) {
      const id = await startExperiment(server, long);
      const seen: Json[] = [];
      let reading = readOn(server, id, seen);
      const ended = () => seen.at(-1)?.type === "done";
      for (let from = 0; !ended() && !enough(); from = seen.length) {
        const moved = () => seen.slice(from).some(({ type }) => type === "progress");
        // While it starts and takes up what there is; or once it has got on.
        if (random.below(3) > 0) await until(() => moved() || ended(), 8000).catch(() => {});
        await pause(400);
        if (ended()) break;
        if (random.below(3) === 0) killed.engine += Number(await killEngine(server));
        else {
          await server.end("SIGKILL");
          await reading;
          killed.server++;
          killed.atWork += Number(moved());
          server = await servers.start({ DATA_DIR: dataDir });
          reading = readOn(server, id, seen);
        }
      }
      await reading;
      await readToEnd(server, id, seen);
      expectWhole(seen);
      expect(await readToEnd(server, id)).toEqual(seen);
      expect(await resultOf(server, id)).toEqual(undisturbed.long);
      expect(await getExperiment(server, id)).toMatchObject({ state: "completed", events: seen.length, error: null });
    }
    expect(killed.server).toBeGreaterThan(5);
    expect(killed.engine).toBeGreaterThan(2);
    expect(killed.atWork).toBeGreaterThan(2);
  }, 240_000);

  test("Goes on after a kill although nobody asks for it", async () => {
    const first = await servers.start();
    const id = await startExperiment(first, long);
    await until(async () => (await getExperiment(first, id)).progress.done > 0, 30_000);
    await first.end("SIGKILL");
    const second = await servers.start({ DATA_DIR: first.dataDir });
    await until(() => enginePid(second) !== null, 30_000);
    const seen = await readToEnd(second, id);
    expectWhole(seen);
    expect(await resultOf(second, id)).toEqual(undisturbed.long);
    // What has ended is left alone: the next start opens no database.
    await second.end("SIGKILL");
    const third = await servers.start({ DATA_DIR: first.dataDir });
    await third.json("/readyz");
    await sleep(1500);
    expect(third.output()).not.toContain("the database is open");
  }, 120_000);

  test("Killed while it is created, it is there as a whole or not at all, and once for its key", async () => {
    let server = await servers.start();
    const { dataDir } = server;
    const ids: string[] = [];
    for (const [i, least] of [0, 20, 40, 60, 100].entries()) {
      const headers = { "idempotency-key": `key ${i}` };
      const posted = postExperiment(server, short, headers).then(
        async (response) => (await response.json()).id as string,
        () => null,
      );
      await sleep(least);
      await pause(60);
      await server.end("SIGKILL");
      const told = await posted.catch(() => null);
      server = await servers.start({ DATA_DIR: dataDir });
      const again = await postExperiment(server, short, headers);
      const { id } = await again.json();
      expect([200, 201]).toContain(again.status);
      // Nobody was told of one that is not there.
      if (told) expect({ id, status: again.status }).toEqual({ id: told, status: 200 });
      ids.push(id);
    }
    for (const id of ids) {
      expectWhole(await readToEnd(server, id));
      expect(await resultOf(server, id)).toEqual(undisturbed.short);
    }
    const { experiments } = await server.json("/v1/experiments");
    expect(experiments.map(({ id }: Json) => id)).toEqual([...ids].reverse());
  }, 120_000);

  test("Killed as it ends, it ends once", async () => {
    let server = await servers.start();
    const { dataDir } = server;
    for (let i = 0; i < 5; i++) {
      const id = await startExperiment(server, short);
      const seen: Json[] = [];
      const reading = readOn(server, id, seen);
      // Of two chunks the first is done.
      await until(() => seen.some((event) => event.type === "progress" && event.done > 0), 20_000);
      await pause(250);
      await server.end("SIGKILL");
      await reading;
      server = await servers.start({ DATA_DIR: dataDir });
      await readToEnd(server, id, seen);
      expectWhole(seen);
      expect(await readToEnd(server, id)).toEqual(seen);
      expect(await resultOf(server, id)).toEqual(undisturbed.short);
    }
  }, 120_000);

  test("Killed while it is cancelled, it is cancelled or goes on; and is resumed to the same end", async () => {
    let server = await servers.start();
    const { dataDir } = server;
    for (const most of [0, 5, 20, 50]) {
      const id = await startExperiment(server, long);
      await until(async () => (await getExperiment(server, id)).progress.done > 0, 20_000);
      const asked = cancelExperiment(server, id).then(
        ({ status }) => status,
        () => null,
      );
      await pause(most);
      await server.end("SIGKILL");
      const status = await asked;
      server = await servers.start({ DATA_DIR: dataDir });
      const { state, progress } = await getExperiment(server, id);
      expect(["running", "cancelled"]).toContain(state);
      if (status === 200) expect(state).toBe("cancelled");
      if (state === "cancelled") {
        const response = await fetch(`${server.url}/v1/experiments/${id}/resume`, { method: "POST" });
        expect(await response.json()).toMatchObject({ state: "queued", progress: { done: progress.done } });
      }
      await until(async () => (await getExperiment(server, id)).state === "completed", 60_000);
      const events = await readToEnd(server, id);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
      expect(events.filter(({ type }) => type === "error")).toHaveLength(state === "cancelled" ? 1 : 0);
      expect(await resultOf(server, id)).toEqual(undisturbed.long);
    }
  }, 180_000);

  test("At SIGTERM it is given back within the drain, and goes on with the next start", async () => {
    const first = await servers.start();
    const id = await startExperiment(first, long);
    const seen: Json[] = [];
    const reading = readOn(first, id, seen);
    await until(() => seen.some((event) => event.type === "progress" && event.done > 0), 30_000);
    expect(await first.end("SIGTERM")).toBe(0);
    await reading;
    expect(seen.at(-1)?.type).not.toBe("done");
    const second = await servers.start({ DATA_DIR: first.dataDir });
    await readToEnd(second, id, seen);
    expectWhole(seen);
    expect(await resultOf(second, id)).toEqual(undisturbed.long);
  }, 120_000);

  test("A second server on the same data folder says who has it, and goes on when that one is gone", async () => {
    const first = await servers.start();
    const id = await startExperiment(first, long);
    await until(async () => (await getExperiment(first, id)).progress.done > 0, 30_000);
    const second = await servers.start({ DATA_DIR: first.dataDir });
    const refused = await postExperiment(second, short);
    expect(refused.status).toBe(503);
    expect((await refused.json()).detail).toContain(`is in use by process ${first.child.pid}`);
    expect(await (await second.post({ model: "prose-6m", prompt: "She said", readout: { positions: "last" } })).text()).toContain(
      "event: done",
    );
    await first.end("SIGTERM");
    expectWhole(await readToEnd(second, id));
    expect(await resultOf(second, id)).toEqual(undisturbed.long);
  }, 120_000);
});
