/** What holds for logs of runs wherever they are kept. */
import { beforeAll, describe, expect, it } from "vitest";
import { LogTaken, type RunLogs } from "../../../src/runs/logs/run-logs.ts";
import { newRunId } from "../../../src/runs/run-id.ts";
import type { RunRequest } from "../../../src/schemas/run-request.ts";
import { until } from "../../support/app.ts";
import { done, END, header, type LogWorld, layers, readAll, WORLDS } from "../../support/run-logs.ts";

const request = { model: "m", prompt: "a \u0000 b \ud800" } as unknown as RunRequest;
const { signal } = new AbortController();

describe.each(WORLDS)("Logs that are %s", (_, create) => {
  let world: LogWorld;
  let logs: RunLogs;
  beforeAll(async () => {
    world = await create();
    logs = world.open();
  });
  /** A log that its process left in the middle. */
  const orphan = async (fields: Parameters<typeof header>[0], events = layers(1, 3)) => {
    const log = world.open().create(header(fields));
    log.append(events);
    await log.release();
    return log.id;
  };

  it("Are complete and in order once closed, and read from any place", async () => {
    const given = header();
    const log = logs.create(given);
    const events = [...layers(1, 5000), done(5001)];
    for (const event of events) log.append([event]);
    await log.close(END);
    expect(await readAll(logs.reader(log.id, 0))).toEqual(events);
    expect(await readAll(logs.reader(log.id, 4990))).toEqual(events.slice(4990));
    expect(await readAll(logs.reader(log.id, 5001))).toEqual([]);
    expect(await logs.read(log.id)).toEqual({
      ...{ header: given, end: END, state: "completed", events: 5001, error: null, started_at: END.started_at, held: false },
    });
  });

  it("Can be read while the run goes on, by the same reader as they grow", async () => {
    const log = logs.create(header());
    log.append(layers(1, 3));
    await log.flush();
    const reader = logs.reader(log.id, 1);
    expect([await reader.next(), await reader.next()]).toEqual([layers(2, 3), null]);
    expect(await logs.read(log.id)).toMatchObject({ end: null, held: true, events: 3 });
    log.append(layers(4, 5));
    await log.flush();
    expect([await reader.next(), await reader.next()]).toEqual([layers(4, 5), null]);
    await reader.close();
    await log.close(END);
  });

  it("Hold events longer than any read, and requests with any text", async () => {
    const given = header({ detached: true, request, revision: "r" });
    const log = logs.create(given);
    const events = [...layers(1, 1), ...layers(2, 4, "é".repeat(1_000_000))];
    log.append(events);
    log.append([done(5)]);
    await log.close(END);
    expect(await readAll(logs.reader(log.id, 0))).toEqual([...events, done(5)]);
    expect(await logs.read(log.id)).toMatchObject({ header: given, events: 5 });
  });

  it("Say what ended a run", async () => {
    const log = logs.create(header());
    const problem = { type: "t", title: "t", status: 409, detail: "a \u0000 b", code: "cancelled" } as const;
    log.append([{ type: "error", seq: 1, json: `{"type":"error","seq":1,"run_id":"r","problem":${JSON.stringify(problem)}}` }]);
    await log.close({ ...END, end: "cancelled" });
    expect(await logs.read(log.id)).toMatchObject({ state: "cancelled", error: problem });
  });

  it("Are there before any event is", async () => {
    const log = logs.create(header());
    await log.flush();
    expect(await logs.read(log.id)).toMatchObject({ events: 0, state: "queued", end: null });
    expect(await readAll(logs.reader(log.id, 0))).toEqual([]);
    await log.close(END);
  });

  it("Are none for ids that are none", async () => {
    expect(await logs.read(newRunId())).toBeNull();
    expect(await logs.read("../../etc/passwd")).toBeNull();
    expect(await readAll(logs.reader(newRunId(), 0))).toEqual([]);
    expect(await logs.take(newRunId())).toBeNull();
  });

  it("Are listed newest first, from any place", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      const log = logs.create(header({ model: "listed" }));
      await log.close(END);
      ids.unshift(log.id);
    }
    const listed = async (cursor?: string) => {
      const found: string[] = [];
      for await (const { header } of logs.list({ cursor, model: "listed" })) if (header.model === "listed") found.push(header.id);
      return found;
    };
    expect(await listed()).toEqual(ids);
    expect(await listed(ids[0])).toEqual(ids.slice(1));
  });

  it("Are let alone while a living process writes them", async () => {
    const log = logs.create(header({ detached: true, request }));
    log.append(layers(1, 3));
    await log.flush();
    const other = world.open();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await other.orphans()).not.toContain(log.id);
    expect(await other.take(log.id)).toBeNull();
    await other.prune({ runs: 0, bytes: 0, seconds: 0 });
    expect(await readAll(other.reader(log.id, 0))).toEqual(layers(1, 3));
    log.append([done(4)]);
    await log.close(END);
    expect(await other.take(log.id)).toBeNull();
  });

  it("Go on with another process where the last one stopped, and with one of them only", async () => {
    const id = await orphan({ detached: true, request, revision: "r" });
    const others = [world.open(), world.open()];
    await until(async () => (await others[0]?.orphans())?.includes(id) === true);
    const taken = (await Promise.all(others.map((other) => other.take(id)))).filter((each) => each !== null);
    expect(taken).toHaveLength(1);
    expect(taken[0]).toMatchObject({ header: { id, request, revision: "r" }, takes: 1, cancelled: false });
    const log = taken[0]?.log;
    log?.append([...layers(4, 5), done(6)]);
    await log?.close(END);
    expect(await readAll(logs.reader(id, 0))).toEqual([...layers(1, 5), done(6)]);
    expect(await logs.read(id)).toMatchObject({ state: "completed", events: 6 });
    expect(await others[0]?.orphans()).not.toContain(id);
  });

  it("Count how often they were taken over without getting further", async () => {
    const id = await orphan({ detached: true, request });
    const counts: (number | undefined)[] = [];
    for (const progress of [0, 0, 1, 0]) {
      const other = world.open();
      await until(async () => (await other.orphans()).includes(id));
      const taken = await other.take(id);
      counts.push(taken?.takes);
      if (progress) taken?.log.append(layers(4, 4));
      await taken?.log.release();
    }
    expect(counts).toEqual([1, 2, 3, 1]);
  });

  it("Wake whoever follows them elsewhere", async () => {
    const log = logs.create(header());
    await log.flush();
    const other = world.open();
    const changed = other.changed(log.id, 60_000, signal);
    log.append(layers(1, 1));
    await changed;
    const abort = new AbortController();
    const stopped = other.changed(log.id, 60_000, abort.signal);
    abort.abort();
    await stopped;
    await log.close(END);
  });

  it("Are removed when the run is over", async () => {
    const log = logs.create(header());
    log.append([done(1)]);
    await log.close(END);
    await logs.remove(log.id);
    expect([await logs.read(log.id), await readAll(logs.reader(log.id, 0))]).toEqual([null, []]);
  });

  it("Are kept by number, size and age", async () => {
    const other = await create();
    const old = other.open();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const log = old.create(header());
      log.append(layers(1, 1, "x".repeat(1000)));
      await log.close({ ...END, finished_at: new Date().toISOString() });
      ids.unshift(log.id);
    }
    const left = async () => {
      const found: string[] = [];
      for await (const { header } of old.list({})) found.push(header.id);
      return found;
    };
    await old.prune({ runs: 4, bytes: 1e9, seconds: 3600 });
    expect(await left()).toEqual(ids.slice(0, 4));
    await old.prune({ runs: 4, bytes: 3000, seconds: null });
    expect(await left()).toEqual(ids.slice(0, 2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await old.prune({ runs: 4, bytes: 1e9, seconds: 0.01 });
    expect(await left()).toEqual([]);
  });
});

describe.each(WORLDS)("A strict log that is %s", (_, create) => {
  it("Shows nothing that is not stored", async () => {
    const world = await create();
    const log = world.open().create(header({ detached: true, request }));
    log.append(layers(1, 2));
    expect(log.shown).toBe(0);
    expect(await readAll(log.reader(0))).toEqual([]);
    await log.flush();
    expect(log.shown).toBe(2);
    expect(await readAll(log.reader(0))).toEqual(layers(1, 2));
    expect(await readAll(world.open().reader(log.id, 0))).toEqual(layers(1, 2));
    await log.close(END);
  });
});

describe("Logs that are rows", () => {
  const rows = WORLDS.find(([name]) => name === "rows")?.[1] as () => Promise<LogWorld>;

  it("Survive a database that is lost: what waited is stored when it is back", async () => {
    const world = await rows();
    const log = world.open().create(header({ detached: true, request }));
    log.append(layers(1, 2));
    await log.flush();
    world.database?.lose(true);
    log.append(layers(3, 4));
    await expect(log.flush()).rejects.toThrow("The database cannot be reached.");
    await expect(log.close(END)).rejects.toThrow("The database cannot be reached.");
    expect(log.shown).toBe(2);
    // What is not stored yet is read from memory, once the store has failed for long.
    await until(() => log.shown === Number.POSITIVE_INFINITY);
    expect(await readAll(log.reader(2))).toEqual(layers(3, 4));
    await expect(readAll(log.reader(0))).rejects.toThrow("The database cannot be reached.");
    world.database?.lose(false);
    await log.complete;
    expect(await readAll(world.open().reader(log.id, 0))).toEqual(layers(1, 4));
    expect(await world.open().read(log.id)).toMatchObject({ state: "completed", events: 4 });
  });

  it("Are not taken from one whom the database had forgotten for as long as everybody else", async () => {
    const world = await rows();
    const [one, other] = [world.open(), world.open()];
    const log = one.create(header({ detached: true, request }));
    await log.flush();
    await other.orphans();
    world.database?.lose(true);
    await expect(other.orphans()).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 400));
    world.database?.lose(false);
    expect(await other.orphans()).toEqual([]);
    expect(await other.take(log.id)).toBeNull();
    await until(async () => (await other.read(log.id))?.held === true);
    await log.close(END);
  });

  it("Are void for one who was taken for dead, from the next word or heartbeat on", async () => {
    const world = await rows();
    const [one, other] = [world.open(), world.open()];
    const logs = [one.create(header({ detached: true, request })), one.create(header({ detached: true, request }))];
    for (const log of logs) await log.flush();
    await one.close(); // no more heartbeats
    let told = 0;
    logs[1]?.listen((taken) => taken && told++);
    await until(async () => (await other.orphans()).length === 2);
    for (const { id } of logs) expect(await other.take(id)).not.toBeNull();
    logs[0]?.append(layers(1, 1));
    await expect(logs[0]?.flush()).rejects.toThrow(LogTaken);
    await expect(logs[1]?.close(END)).rejects.toThrow(LogTaken);
    expect(told).toBe(1);
    expect(await other.read(logs[0]?.id ?? "")).toMatchObject({ events: 0, end: null });
  });

  it("Are given away later by one who could not when it wanted to", async () => {
    const world = await rows();
    const one = world.open();
    const logs = [one.create(header({ detached: true, request })), one.create(header({ detached: true, request }))];
    for (const log of logs) await log.flush();
    world.database?.lose(true);
    await expect(logs[0]?.release()).rejects.toThrow("The database cannot be reached.");
    world.database?.lose(false);
    // It lives, and says so: only what it disowns can be taken.
    const other = world.open();
    await until(async () => (await other.orphans()).length > 0);
    expect(await other.orphans()).toEqual([logs[0]?.id]);
    await logs[1]?.close(END);
  });

  it("Carry the wish to cancel to whoever writes them, and to whoever takes them over", async () => {
    const world = await rows();
    const [one, other] = [world.open(), world.open()];
    const cancelled: string[] = [];
    one.listen({ cancel: (id) => cancelled.push(id) });
    const log = one.create(header({ detached: true, request }));
    await log.flush();
    await other.cancel(log.id);
    await until(() => cancelled.includes(log.id));
    await log.release();
    await until(async () => (await other.orphans()).includes(log.id));
    expect(await other.take(log.id)).toMatchObject({ cancelled: true });
  });
});
