/** Logs that are files, as a crash may leave them. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileLogs } from "../../../src/runs/logs/file-logs.ts";
import { readSse, testApp } from "../../support/app.ts";
import { done, END, header, layers, readAll } from "../../support/run-logs.ts";

const newFolder = () => join(mkdtempSync(join(tmpdir(), "log-")), "runs");

describe("The file of a run", () => {
  it("Is JSON lines: the header, the events, the end; and nothing else is left beside it", async () => {
    const folder = newFolder();
    const given = header();
    const log = new FileLogs(folder).create(given);
    log.append([...layers(1, 2), done(3)]);
    await log.close(END);
    expect(readdirSync(folder)).toEqual([`${log.id}.ndjson`]);
    const lines = readFileSync(join(folder, `${log.id}.ndjson`), "utf8").split("\n");
    expect(lines.pop()).toBe("");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      given,
      ...[...layers(1, 2), done(3)].map(({ json }) => JSON.parse(json)),
      END,
    ]);
  });

  it("Loses a torn line, and only that, when a crash left one", async () => {
    const folder = newFolder();
    const logs = new FileLogs(folder);
    const log = logs.create(header());
    log.append(layers(1, 3));
    await log.release();
    const path = join(folder, `${log.id}.ndjson`);
    appendFileSync(path, '{"type":"layer","seq":4,"vari');
    expect(await logs.read(log.id)).toMatchObject({ end: null, events: 3, held: false });
    const reader = logs.reader(log.id, 0);
    expect(await reader.next()).toEqual(layers(1, 3));
    const taken = await logs.take(log.id);
    taken?.log.append([done(4)]);
    await taken?.log.close(END);
    // Whoever had read up to the torn line reads on.
    expect([await reader.next(), await reader.next()]).toEqual([[done(4)], null]);
    await reader.close();
    for (const line of readFileSync(path, "utf8").trim().split("\n")) JSON.parse(line);
    expect(await logs.read(log.id)).toMatchObject({ end: END, events: 4 });
  });

  it("Has its end when the crash came between the last event and the last line", async () => {
    const logs = new FileLogs(newFolder());
    const log = logs.create(header());
    log.append([done(1)]);
    await log.release();
    expect(await logs.read(log.id)).toMatchObject({ state: "completed", end: { end: "completed" } });
    expect(await logs.take(log.id)).toBeNull();
    expect(await logs.orphans()).toEqual([]);
  });

  it("Is found when it has no lock, as earlier versions of the service left it, on the first look", async () => {
    const folder = newFolder();
    const log = new FileLogs(folder).create(header());
    log.append(layers(1, 3));
    await log.release();
    rmSync(join(folder, `${log.id}.lock`));
    expect(await new FileLogs(folder).orphans()).toEqual([log.id]);
  });

  it("Is no log when a crash tore its header", async () => {
    const folder = newFolder();
    const logs = new FileLogs(folder);
    const log = logs.create(header());
    await log.release();
    const path = join(folder, `${log.id}.ndjson`);
    writeFileSync(path, readFileSync(path, "utf8").slice(0, 40));
    expect([await logs.read(log.id), await logs.take(log.id)]).toEqual([null, null]);
    expect(await logs.orphans()).toEqual([]);
  });

  it("Cannot be cancelled where another process writes it, and that is said", async () => {
    const logs = new FileLogs(newFolder());
    await expect(logs.cancel("01")).rejects.toThrow(/^The run 01 is in flight in another process, which shares this data folder/);
  });
});

describe.runIf(process.platform === "linux")("A file that cannot be written", () => {
  /** Files of this process may have so many bytes. */
  const limit = (bytes: number | "unlimited") => execFileSync("prlimit", ["--pid", String(process.pid), `--fsize=${bytes}:`]);

  it("Is whole again when there is room: what a failure tore off is written once more", async () => {
    const folder = newFolder();
    const logs = new FileLogs(folder);
    const log = logs.create(header());
    log.append(layers(1, 1));
    await log.flush();
    const ignore = () => {};
    process.on("SIGXFSZ", ignore);
    limit(5000);
    const failures: unknown[] = [];
    try {
      log.append(layers(2, 20, "x".repeat(1000)));
      await log.flush().catch((error: unknown) => failures.push(error));
      log.append(layers(21, 22));
      await log.flush().catch((error: unknown) => failures.push(error));
    } finally {
      limit("unlimited");
    }
    expect(failures).toMatchObject([{ code: "EFBIG" }, { code: "EFBIG" }]);
    log.append([done(23)]);
    await log.close(END);
    process.off("SIGXFSZ", ignore);
    const events = [...layers(1, 1), ...layers(2, 20, "x".repeat(1000)), ...layers(21, 22), done(23)];
    expect(await readAll(logs.reader(log.id, 0))).toEqual(events);
  });

  it("Ends the log with an error that says from where on events are lost, when too many have to wait", async () => {
    const folder = newFolder();
    const logs = new FileLogs(folder, 10_000);
    const log = logs.create(header());
    log.append(layers(1, 2));
    await log.flush();
    const ignore = () => {};
    process.on("SIGXFSZ", ignore);
    limit(500);
    try {
      log.append(layers(3, 4, "x".repeat(1000)));
      await log.flush().catch(() => {});
      log.append(layers(5, 20, "x".repeat(1000)));
      log.append(layers(21, 30));
    } finally {
      limit("unlimited");
    }
    // Those that it had tried to write are written after all.
    await log.close(END);
    process.off("SIGXFSZ", ignore);
    const events = await readAll(logs.reader(log.id, 0));
    expect(events.slice(0, -1)).toEqual([...layers(1, 2), ...layers(3, 4, "x".repeat(1000))]);
    expect(JSON.parse(events.at(-1)?.json ?? "")).toMatchObject({
      ...{ type: "error", seq: 5, run_id: log.id },
      problem: { code: "internal", detail: "The log of the run ends here: the events from 5 on could not be stored." },
    });
    expect(await logs.read(log.id)).toMatchObject({ state: "failed", events: 5 });
  });

  it("Does not keep a run from its reader", async () => {
    const app = testApp();
    // Every write fails as on a full disk, for good.
    const folder = join(app.dataDir, "runs");
    const started = await app.post("/v1/runs", { model: "prose-6m", tokens: [0, 5] });
    const id = (started.headers.get("location") as string).split("/").at(-1);
    symlinkSync("/dev/full", join(app.dataDir, "full"));
    const { mkdirSync } = await import("node:fs");
    mkdirSync(folder, { recursive: true });
    renameSync(join(app.dataDir, "full"), join(folder, `${id}.ndjson`));
    const events = await readSse(started);
    expect(events.at(-1)?.type).toBe("done");
    expect(await readSse(await app.get(`/v1/runs/${id}/events?after=3`))).toEqual(events.slice(3));
    expect(await (await app.get(`/v1/runs/${id}`)).json()).toMatchObject({ state: "completed", events: events.length });
  });
});

describe("The service over logs that a crash left", () => {
  it("Closes those of attached runs with exactly one error event, on the first look", async () => {
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
      ...{ state: "failed", events: 6 },
      error: { code: "engine_failed", detail: "The service stopped in the middle of the run." },
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
