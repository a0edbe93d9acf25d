/** Detached runs with real processes: killed at random moments, they end as if nothing had happened. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunEvent } from "../../src/schemas/events.ts";
import { type Json, readSse, until } from "../support/app.ts";
import { hasPostgres, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { type Server, startServer } from "../support/server.ts";

/** Some seconds of work, in hundreds of events. */
const request = {
  model: "prose-6m",
  tokens: Array.from({ length: 120 }, (_, i) => (i * 37) % 4000),
  variants: Object.fromEntries(
    Array.from({ length: 10 }, (_, i) => [`v${i}`, [{ op: "repeat", layers: [i], times: 40, mode: "each" }]]),
  ),
  readout: { positions: "all", top_k: 2 },
  capture: ["norms", "head_norms"],
};
const detached = { prefer: "respond-async" };
/** Nothing waits for longer, however busy the machine is. */
const PATIENCE_MS = 60_000;

/** What events tell, to the last bit, whatever their order and times. */
function told(events: readonly Json[]): string[] {
  return events.map(({ seq: _, run_id: __, timing_ms: ___, ...event }) => JSON.stringify(event)).sort();
}

/** Reads on after what there is, until the stream ends or breaks off. */
async function readOn(url: string, events: Json[]): Promise<void> {
  let text = "";
  try {
    const response = await fetch(url, { headers: { "last-event-id": String(events.at(-1)?.seq ?? 0) } });
    expect([200, 204]).toContain(response.status);
    if (!response.body) return;
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const whole = text.lastIndexOf("\n\n") + 1;
      for (const [, data] of text.slice(0, whole).matchAll(/^data: (.*)$/gm)) events.push(JSON.parse(data as string));
      text = text.slice(whole);
    }
  } catch (error) {
    // The server was killed.
    if (!(error instanceof TypeError)) throw error;
  }
}

/** As numbers from 1, the last one `done`, and nothing lost or told twice. */
function expectWhole(events: readonly Json[], undisturbed: readonly string[]): void {
  for (const event of events) RunEvent.parse(event);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  expect(events.filter(({ type }) => type === "done" || type === "error")).toHaveLength(1);
  expect(events.at(-1)?.type).toBe("done");
  expect(told(events)).toEqual(undisturbed);
}

let undisturbed: string[];
beforeAll(async () => {
  const server = await startServer();
  undisturbed = told(await readSse(await server.post(request)));
  expect(undisturbed.length).toBeGreaterThan(500);
  await server.end("SIGKILL");
});

describe("A detached run", () => {
  test("Killed with its server again and again, goes on by itself, bit for bit", async () => {
    let server = await startServer();
    const { dataDir } = server;
    const { id } = await (await server.post(request, detached)).json();
    const seen: Json[] = [];
    const progress: number[] = [];
    for (let kill = 0; kill < 6; kill++) {
      const reading = readOn(`${server.url}/v1/runs/${id}/events`, seen);
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 900));
      await server.end("SIGKILL");
      await reading;
      progress.push(seen.length);
      server = await startServer({ DATA_DIR: dataDir });
    }
    await readOn(`${server.url}/v1/runs/${id}/events`, seen);
    expectWhole(seen, undisturbed);
    expect(await readSse(await fetch(`${server.url}/v1/runs/${id}/events`))).toEqual(seen);
    expect(await server.json(`/v1/runs/${id}`)).toMatchObject({ state: "completed", events: seen.length, error: null });
    // At least one of the kills came while it was under way.
    expect(progress.some((events) => events > 0 && events < seen.length)).toBe(true);
    await server.end("SIGKILL");
  }, 180_000);

  test("Is left at SIGTERM when it takes longer than the drain, and goes on with the next start", async () => {
    const first = await startServer({ DRAIN_SECONDS: "0" });
    const { id } = await (await first.post(request, detached)).json();
    await until(async () => (await first.json(`/v1/runs/${id}`)).events > 20, PATIENCE_MS);
    const seen: Json[] = [];
    const reading = readOn(`${first.url}/v1/runs/${id}/events`, seen);
    expect(await first.end("SIGTERM")).toBe(0);
    await reading;
    expect(seen.some(({ type }) => type === "done" || type === "error")).toBe(false);
    const second = await startServer({ DATA_DIR: first.dataDir });
    await readOn(`${second.url}/v1/runs/${id}/events`, seen);
    expectWhole(seen, undisturbed);
    await second.end("SIGKILL");
  }, 180_000);

  test("Is let alone by another server on the same data folder, which can read it; and taken over when that one dies", async () => {
    const first = await startServer();
    const { id } = await (await first.post(request, detached)).json();
    await until(async () => (await first.json(`/v1/runs/${id}`)).events > 20, PATIENCE_MS);
    const second = await startServer({ DATA_DIR: first.dataDir });
    const seen: Json[] = [];
    const reading = readOn(`${second.url}/v1/runs/${id}/events`, seen);
    await until(() => seen.length > 50, PATIENCE_MS);
    expect(await second.json(`/v1/runs/${id}`)).toMatchObject({ state: "running" });
    await first.end("SIGKILL");
    await reading;
    expectWhole(seen, undisturbed);
    await second.end("SIGKILL");
  }, 180_000);
});

describe.runIf(hasPostgres)("Replicas on one PostgreSQL", () => {
  let postgres: TestPostgres;
  const replicas: Server[] = [];
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.end("SIGKILL")));
    await postgres.remove();
  });
  /** With a data folder of its own. */
  const start = async (): Promise<Server> => {
    const replica = await startServer({ DATABASE_URL: postgres.url });
    replicas.push(replica);
    return replica;
  };
  const events = async (on: Server, path: string, after = 0) => readSse(await fetch(`${on.url}${path}/events?after=${after}`));

  test("Take over the runs of one that is killed; any of them tells all of it", async () => {
    const [first, second] = [await start(), await start()];
    const { id } = await (await first.post(request, detached)).json();
    const path = `/v1/runs/${id}`;
    const [seen, there]: [Json[], Json[]] = [[], []];
    const reading = readOn(`${second.url}${path}/events`, seen);
    const nearby = readOn(`${first.url}${path}/events`, there);
    await until(() => seen.length > 100, PATIENCE_MS);
    expect(await second.json(path)).toMatchObject({ state: "running", detached: true });
    const attached = await first.post(request);
    void attached.text().catch(() => {});
    const lost = attached.headers.get("location") as string;
    await until(async () => (await second.json(lost)).events > 5, PATIENCE_MS);
    await first.end("SIGKILL");
    await nearby;
    expect(there.some(({ type }) => type === "done" || type === "error")).toBe(false);
    // What the dead one's readers had seen is what those of the others see.
    await reading;
    expectWhole(seen, undisturbed);
    expect(seen.slice(0, there.length)).toEqual(there);
    await readOn(`${second.url}${path}/events`, there);
    expect(there).toEqual(seen);
    const third = await start();
    expect(await events(third, path)).toEqual(seen);
    expect(await third.json(path)).toMatchObject({ state: "completed", events: seen.length });
    // The other's reader is gone: it ends where its process ended.
    const left = await events(third, lost);
    expect(left.map(({ seq }) => seq)).toEqual(left.map((_, i) => i + 1));
    expect(left.at(-1)?.problem).toMatchObject({
      code: "engine_failed",
      detail: "The service stopped in the middle of the run.",
    });
    expect((await third.json("/v1/runs")).runs.map(({ state }: Json) => state)).toEqual(["failed", "completed"]);
  }, 180_000);

  test("Cancel each other's runs", async () => {
    const [first, second] = [await start(), await start()];
    const { id } = await (await first.post(request, detached)).json();
    const reading = events(first, `/v1/runs/${id}`);
    await until(async () => (await second.json(`/v1/runs/${id}`)).events > 20, PATIENCE_MS);
    const answer = await fetch(`${second.url}/v1/runs/${id}`, { method: "DELETE" });
    expect([answer.status, (await answer.json()).state]).toEqual([200, "cancelled"]);
    expect((await reading).at(-1)).toMatchObject({ type: "error", problem: { code: "cancelled" } });
    expect((await fetch(`${first.url}/v1/runs/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await fetch(`${second.url}/v1/runs/${id}`)).status).toBe(404);
  }, 180_000);

  test("Run on while the database is away, and tell all of it when it is back", async () => {
    const [first, second] = [await start(), await start()];
    const { id } = await (await first.post(request, detached)).json();
    const seen: Json[] = [];
    const reading = readOn(`${first.url}/v1/runs/${id}/events`, seen);
    await until(() => seen.length > 50, PATIENCE_MS);
    await postgres.kill();
    // Whoever streams a run needs no database.
    const response = await first.post(request);
    const attached = await readSse(response);
    expectWhole(attached, undisturbed);
    expect((await fetch(`${second.url}/v1/runs`)).status).toBe(503);
    await postgres.start();
    await reading;
    expectWhole(seen, undisturbed);
    await until(async () => {
      const answers = await Promise.all(
        [`/v1/runs/${id}`, response.headers.get("location")].map((path) => fetch(`${second.url}${path}`)),
      );
      return (await Promise.all(answers.map((answer) => answer.json()))).every(({ state }: Json) => state === "completed");
    }, PATIENCE_MS);
    expect(await events(second, `/v1/runs/${id}`)).toEqual(seen);
    expect(await events(second, response.headers.get("location") as string)).toEqual(attached);
  }, 180_000);
});
