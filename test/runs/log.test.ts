import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LogWriter } from "../../src/runs/log.ts";
import { closeLog, readEvents, readSummary } from "../../src/runs/log-reader.ts";
import { newRunId } from "../../src/runs/run-id.ts";
import { type WireEvent, wireEvent } from "../../src/runs/wire-event.ts";
import { readSse, testApp } from "../support/app.ts";

const header = {
  log: 1,
  id: newRunId(),
  model: "m",
  detached: false,
  prompt_tokens: 2,
  variants: 1,
  created_at: "2026-01-02T03:04:05.000Z",
} as const;
const end = { end: "completed", started_at: "2026-01-02T03:04:05.000Z", finished_at: "2026-01-02T03:04:06.000Z" } as const;
const layers = (from: number, to: number, text = "x") =>
  Array.from({ length: to - from + 1 }, (_, i) => wireEvent("layer", from + i, `"variant":"${text}"`));
const newPath = () => join(mkdtempSync(join(tmpdir(), "log-")), "runs", "run.ndjson");

async function all(path: string, after = 0): Promise<WireEvent[]> {
  const events: WireEvent[] = [];
  for await (const batch of readEvents(path, after)) events.push(...batch);
  return events;
}

describe("The log of a run", () => {
  it("Is complete and in order once closed, and read from any place", async () => {
    const log = new LogWriter(newPath(), header);
    const events = [...layers(1, 5000), wireEvent("done", 5001, '"run_id":"r"')];
    for (const event of events) log.append(event);
    await log.close(end);
    expect(await all(log.path)).toEqual(events);
    expect(await all(log.path, 4990)).toEqual(events.slice(4990));
    expect(await all(log.path, 5001)).toEqual([]);
    expect(await readSummary(log.path)).toMatchObject({ header, end, last: events.at(-1) });
  });

  it("Is in the file while the run goes on, when flushed", async () => {
    const log = new LogWriter(newPath(), header);
    for (const event of layers(1, 3)) log.append(event);
    await log.flush();
    expect(await all(log.path)).toEqual(layers(1, 3));
    expect((await readSummary(log.path))?.end).toBeNull();
    await log.close(end);
  });

  it("Holds lines longer than any read", async () => {
    const log = new LogWriter(newPath(), header);
    const events = [wireEvent("meta", 1, '"run_id":"r"'), ...layers(2, 3, "é".repeat(1_000_000))];
    for (const event of events) log.append(event);
    await log.close(end);
    expect(await all(log.path)).toEqual(events);
    expect((await readSummary(log.path))?.last?.seq).toBe(3);
  });

  it("Loses a torn line, and only that, when a crash left one", async () => {
    const log = new LogWriter(newPath(), header);
    for (const event of layers(1, 3)) log.append(event);
    await log.flush();
    appendFileSync(log.path, '{"type":"layer","seq":4,"vari');
    const found = await readSummary(log.path);
    expect(found).toMatchObject({ end: null, last: { seq: 3 } });
    const problem = { type: "t", title: "t", status: 503, detail: "d", code: "engine_failed" } as const;
    await closeLog(log.path, found as never, problem);
    const events = await all(log.path);
    expect(events.map(({ type, seq }) => [type, seq])).toEqual([
      ["layer", 1],
      ["layer", 2],
      ["layer", 3],
      ["error", 4],
    ]);
    expect(await readSummary(log.path)).toMatchObject({ end: { end: "failed" }, last: { seq: 4 } });
    for (const line of readFileSync(log.path, "utf8").trim().split("\n")) JSON.parse(line);
    await log.close(end);
  });

  it("Counts as ended when the crash came between the last event and the last line", async () => {
    const log = new LogWriter(newPath(), header);
    log.append(wireEvent("done", 1, '"run_id":"r"'));
    await log.flush();
    expect((await readSummary(log.path))?.end).toMatchObject({ end: "completed" });
    await log.close(end);
  });
});

describe("The service over logs that a crash left", () => {
  it("Closes them with exactly one error event, on the first look", async () => {
    const app = testApp();
    const all = await readSse(await app.post("/v1/runs", { model: "prose-6m", tokens: [0, 5] }));
    await app.services.runs.drain(1000);
    const id = all[0]?.run_id as string;
    const path = join(app.dataDir, "runs", `${id}.ndjson`);
    const lines = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, `${lines.slice(0, 6).join("\n")}\n${lines[6]?.slice(0, 40)}`);
    const next = testApp({ DATA_DIR: app.dataDir });
    const [replay, again] = await Promise.all(
      [next.get(`/v1/runs/${id}/events`), next.get(`/v1/runs/${id}/events`)].map(async (r) => readSse(await r)),
    );
    expect(replay?.slice(0, 5)).toEqual(all.slice(0, 5));
    expect(replay?.slice(5)).toMatchObject([{ type: "error", seq: 6, run_id: id, problem: { code: "engine_failed" } }]);
    expect(again).toEqual(replay);
    expect(await (await next.get(`/v1/runs/${id}`)).json()).toMatchObject({
      state: "failed",
      events: 6,
      error: { code: "engine_failed" },
    });
  });

  it("Keeps as many as it is told to, the newest", async () => {
    const app = testApp({ RUN_LOG_RETENTION_RUNS: "2" });
    const ids: string[] = [];
    for (let i = 0; i < 4; i++)
      ids.unshift((await readSse(await app.post("/v1/runs", { model: "prose-6m", tokens: [0, 5] })))[0]?.run_id);
    await app.services.runs.drain(1000);
    await app.services.runs.tidy();
    const { runs } = await (await app.get("/v1/runs")).json();
    expect(runs.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 2));
  });
});
