/** Detached runs with real processes: killed at random moments, they end as if nothing had happened. */
import { beforeAll, describe, expect, test } from "vitest";
import { RunEvent } from "../../src/schemas/events.ts";
import { type Json, readSse, until } from "../support/app.ts";
import { startServer } from "../support/server.ts";

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

describe("A detached run", () => {
  let undisturbed: string[];
  beforeAll(async () => {
    const server = await startServer();
    undisturbed = told(await readSse(await server.post(request)));
    expect(undisturbed.length).toBeGreaterThan(500);
    await server.end("SIGKILL");
  });

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
  }, 120_000);

  test("Is left at SIGTERM when it takes longer than the drain, and goes on with the next start", async () => {
    const first = await startServer({ DRAIN_SECONDS: "0" });
    const { id } = await (await first.post(request, detached)).json();
    await until(async () => (await first.json(`/v1/runs/${id}`)).events > 20);
    const seen: Json[] = [];
    const reading = readOn(`${first.url}/v1/runs/${id}/events`, seen);
    expect(await first.end("SIGTERM")).toBe(0);
    await reading;
    expect(seen.some(({ type }) => type === "done" || type === "error")).toBe(false);
    const second = await startServer({ DATA_DIR: first.dataDir });
    await readOn(`${second.url}/v1/runs/${id}/events`, seen);
    expectWhole(seen, undisturbed);
    await second.end("SIGKILL");
  }, 60_000);

  test("Is let alone by another server on the same data folder, which can read it; and taken over when that one dies", async () => {
    const first = await startServer();
    const { id } = await (await first.post(request, detached)).json();
    await until(async () => (await first.json(`/v1/runs/${id}`)).events > 20);
    const second = await startServer({ DATA_DIR: first.dataDir });
    const seen: Json[] = [];
    const reading = readOn(`${second.url}/v1/runs/${id}/events`, seen);
    await until(() => seen.length > 50);
    expect(await second.json(`/v1/runs/${id}`)).toMatchObject({ state: "running" });
    await first.end("SIGKILL");
    await reading;
    expectWhole(seen, undisturbed);
    await second.end("SIGKILL");
  }, 60_000);
});
