/** The service as clients meet it: a process, a port, the shipped model. */
import { execFileSync } from "node:child_process";
import { unpackMultiple } from "msgpackr";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunEvent } from "../../src/schemas/events.ts";
import { RunDocument } from "../../src/schemas/runs.ts";
import { type Json, readSse, until } from "../support/app.ts";
import { type Runtime, type Server, startServer } from "../support/server.ts";

const request = {
  model: "prose-6m",
  prompt: "She opened the door and looked into the",
  interventions: [{ op: "delete", layers: [5] }],
};
/** Seconds of work: read out everywhere, deep. */
const long = {
  model: "prose-6m",
  tokens: Array.from({ length: 250 }, (_, i) => i % 4000),
  variants: Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`v${i}`, [{ op: "repeat", layers: [i], times: 60 }]])),
  readout: { positions: "all", top_k: 2 },
};

describe("On Bun", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(async () => {
    await server.end("SIGKILL");
  });

  test("Is alive, becomes ready by a real run, and says so in the metrics", async () => {
    expect(await server.json("/healthz")).toEqual({ status: "ok" });
    expect(await server.json("/readyz")).toEqual({ status: "ready" });
    // The engine sends its numbers when its work is done, which is after the run's last event.
    await until(async () => /stratascope_block_calls_total [1-9]/.test(await (await fetch(`${server.url}/metrics`)).text()));
    expect((await server.json("/v1/models")).models[0]).toMatchObject({ id: "prose-6m", state: "ready", device: "cpu" });
  });

  test("Tells the same in four forms", async () => {
    const get = async (accept: string) => server.post(request, { accept });
    const sse = await readSse(await get("text/event-stream"));
    for (const event of sse) RunEvent.parse(event);
    expect(sse.map(({ type }) => type)).toEqual(["meta", ...Array(25).fill("layer"), "result", "done"]);
    const lines = (await (await get("application/x-ndjson")).text()).trim().split("\n");
    const ndjson = lines.map((line) => JSON.parse(line));
    const maps = unpackMultiple(new Uint8Array(await (await get("application/vnd.msgpack")).arrayBuffer())) as Json[];
    const document = RunDocument.parse(await (await get("application/json")).json());
    const gathered = [document.meta, ...document.layers, document.result, document.done];
    const tops = (events: Json[]) =>
      events.filter(({ type }) => type === "layer").map(({ variant, step, readout }) => [variant, step, readout[0].top]);
    for (const other of [ndjson, maps, gathered]) expect(sorted(tops(other))).toEqual(sorted(tops(sse)));
  });

  test("Sends every layer as soon as it has run", async () => {
    const times: number[] = [];
    const response = await server.post({ ...long, variants: { deep: [{ op: "repeat", layers: [3], times: 60 }] } });
    for await (const _ of response.body as ReadableStream<Uint8Array>) times.push(performance.now());
    expect(times.length).toBeGreaterThan(30);
    expect((times.at(-1) ?? 0) - (times[1] ?? 0)).toBeGreaterThan(50);
  });

  test("Lets a client resume after its connection dropped, without loss or repeat", async () => {
    const { id } = await (await server.post(long, { prefer: "respond-async" })).json();
    const path = `${server.url}/v1/runs/${id}/events`;
    const controller = new AbortController();
    const first = await fetch(path, { signal: controller.signal });
    let text = "";
    for await (const chunk of (first.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (/^id: 40$/m.test(text)) break;
    }
    controller.abort();
    const whole = text.slice(0, text.lastIndexOf("\n\n"));
    const last = Number([...whole.matchAll(/^id: (\d+)$/gm)].at(-1)?.[1]);
    const rest = await readSse(await fetch(path, { headers: { "last-event-id": String(last) } }));
    expect(rest.map(({ seq }) => seq)).toEqual(rest.map((_, i) => last + 1 + i));
    expect(rest.at(-1)?.type).toBe("done");
    expect(await server.json(`/v1/runs/${id}`)).toMatchObject({ state: "completed", events: rest.at(-1)?.seq });
  }, 60_000);

  test("Cancels a run whose owner went away, between two calls", async () => {
    const controller = new AbortController();
    const response = await server.post(long, {}, controller.signal);
    const path = response.headers.get("location") as string;
    await (response.body as ReadableStream<Uint8Array>).getReader().read();
    controller.abort();
    const start = Date.now();
    await until(async () => (await server.json(path)).state === "cancelled");
    expect(Date.now() - start).toBeLessThan(3000);
    const events = await readSse(await fetch(`${server.url}${path}/events`));
    expect(events.filter(({ type }) => type === "error" || type === "done")).toMatchObject([
      { type: "error", problem: { code: "cancelled" } },
    ]);
  });

  test("Cancels by DELETE; whoever follows gets the error event", async () => {
    const { id } = await (await server.post(long, { prefer: "respond-async" })).json();
    const follower = fetch(`${server.url}/v1/runs/${id}/events`).then(readSse);
    await until(async () => (await server.json(`/v1/runs/${id}`)).events > 3);
    const cancelled = await fetch(`${server.url}/v1/runs/${id}`, { method: "DELETE" });
    expect([cancelled.status, (await cancelled.json()).state]).toEqual([200, "cancelled"]);
    expect((await follower).at(-1)).toMatchObject({ type: "error", problem: { code: "cancelled" } });
    expect((await fetch(`${server.url}/v1/runs/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await fetch(`${server.url}/v1/runs/${id}`)).status).toBe(404);
  });

  test("Serves 32 streams at once, each whole and its own", async () => {
    const streams = await Promise.all(
      Array.from({ length: 32 }, async (_, i) => {
        const interventions = [{ op: "delete", layers: [i % 12] }];
        return readSse(await server.post({ ...request, interventions }));
      }),
    );
    for (const [i, events] of streams.entries()) {
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, n) => n + 1));
      expect(events.at(-1)?.type).toBe("done");
      expect(events[0]?.variants[1].steps.map(({ blocks }: Json) => blocks[0])).not.toContain(i % 12);
    }
    // Who shares a call with others computes the same.
    const alone = (await readSse(await server.post(request))).at(-2) as Json;
    const together = streams[5]?.at(-2) as Json;
    expect(together.comparison).toEqual(alone.comparison);
  });

  test("Survives its engine: one error event, and the next run is served", async () => {
    const follower = server.post(long).then(readSse);
    await until(async () => (await server.json("/v1/runs?state=running")).runs.some(({ events }: Json) => events > 3));
    const [engine = ""] = execFileSync("pgrep", ["-P", String(server.child.pid)], { encoding: "utf8" })
      .trim()
      .split("\n");
    process.kill(Number(engine), "SIGKILL");
    const events = await follower;
    expect(events.filter(({ type }) => type === "error" || type === "done")).toMatchObject([
      { type: "error", problem: { code: "engine_failed", status: 503 } },
    ]);
    expect(events.at(-1)?.type).toBe("error");
    expect((await readSse(await server.post(request))).at(-1)?.type).toBe("done");
    expect(await (await fetch(`${server.url}/metrics`)).text()).toContain("stratascope_engine_restarts_total 1\n");
  });

  test("Keeps a silent stream open", async () => {
    // Nothing is said between meta and the last layer but heartbeats.
    const quiet = await startServer({ SSE_HEARTBEAT_SECONDS: "1" });
    const response = await quiet.post({ ...long, readout: { positions: "all", layers: "final" }, capture: [] });
    const text = await response.text();
    expect(text).toMatch(/^: heartbeat$/m);
    expect(text).toMatch(/event: done/);
    await quiet.end("SIGKILL");
  }, 60_000);
});

describe("Ending and starting again", () => {
  test("Logs outlive the server, and a run that it left open ends with an error", async () => {
    const first = await startServer();
    const whole = await readSse(await first.post(request));
    const torn = await first.post(long);
    const id = torn.headers.get("location")?.split("/").at(-1);
    const reading = torn.text().catch(() => {});
    await until(async () => (await first.json(`/v1/runs/${id}`)).events > 30);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await first.end("SIGKILL");
    await reading;
    const second = await startServer({ DATA_DIR: first.dataDir });
    expect(await readSse(await fetch(`${second.url}/v1/runs/${whole[0]?.run_id}/events?after=7`))).toEqual(whole.slice(7));
    const rest = await readSse(await fetch(`${second.url}/v1/runs/${id}/events?after=10`));
    expect(rest.map(({ seq }) => seq)).toEqual(rest.map((_, i) => 11 + i));
    expect(rest.filter(({ type }) => type === "error" || type === "done")).toMatchObject([
      { type: "error", problem: { code: "engine_failed" } },
    ]);
    expect(await second.json(`/v1/runs/${id}`)).toMatchObject({ state: "failed" });
    await second.end("SIGKILL");
  }, 60_000);

  test("Drains at SIGTERM: not ready, nothing new, streams end well, exit 0", async () => {
    const server = await startServer({ DRAIN_SECONDS: "170" });
    const stream = server.post(long).then(readSse);
    await until(async () => (await server.json("/v1/runs?state=running")).runs.length === 1);
    const ended = server.end("SIGTERM");
    await until(async () => (await fetch(`${server.url}/readyz`)).status === 503);
    const refused = await server.post(request);
    expect([refused.status, (await refused.json()).code]).toEqual([503, "draining"]);
    expect((await stream).at(-1)?.type).toBe("done");
    expect(await ended).toBe(0);
  }, 180_000);

  test("Drains no longer than it is told: what still runs is cancelled", async () => {
    const server = await startServer({ DRAIN_SECONDS: "0" });
    const stream = server.post(long).then(readSse);
    await until(async () => (await server.json("/v1/runs?state=running")).runs.length === 1);
    expect(await server.end("SIGINT")).toBe(0);
    expect((await stream).at(-1)).toMatchObject({ type: "error", problem: { code: "cancelled" } });
  }, 60_000);

  test("Refuses a wrong configuration at once, by name", async () => {
    await expect(startServer({ PORT: "70000" })).rejects.toThrow(
      'the server ended with 1: PORT is "70000"; it must be a whole number from 0 to 65535.',
    );
    await expect(startServer({ HOST: "0.0.0.0" })).rejects.toThrow(/HOST is "0\.0\.0\.0".*API_KEYS/);
  });
});

describe.each<Runtime>(["node", "deno"])("On %s", (runtime) => {
  test("Streams, answers in JSON, cancels, and drains", async () => {
    const server = await startServer({}, runtime);
    expect(await server.json("/readyz")).toEqual({ status: "ready" });
    expect((await readSse(await server.post(request))).at(-1)?.type).toBe("done");
    RunDocument.parse(await (await server.post(request, { accept: "application/json" })).json());
    expect((await server.post({ ...request, prompt: "" })).status).toBe(422);
    const controller = new AbortController();
    const response = await server.post(long, {}, controller.signal);
    const path = response.headers.get("location") as string;
    await (response.body as ReadableStream<Uint8Array>).getReader().read();
    controller.abort();
    await until(async () => (await server.json(path)).state === "cancelled");
    expect(await server.end("SIGTERM")).toBe(0);
  }, 60_000);
});

/** In an order that does not depend on who came first. */
function sorted(rows: readonly unknown[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
