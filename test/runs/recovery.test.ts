/** Runs that go on where their process left them, on the service as a whole, over either kind of logs. */
import { beforeEach, describe, expect, it } from "vitest";
import { newRunId } from "../../src/runs/run-id.ts";
import { type WireEvent, wireEvent } from "../../src/runs/wire-event.ts";
import { RunEvent } from "../../src/schemas/events.ts";
import { RunRequest } from "../../src/schemas/run-request.ts";
import { gate, type Json, readSse, type TestApp, testApp, until } from "../support/app.ts";
import { header, type LogWorld, WORLDS } from "../support/run-logs.ts";

const request = { model: "prose-6m", tokens: [0, 5, 7], interventions: [{ op: "delete", layers: [5] }] } as const;
const detached = { prefer: "respond-async" };
/** meta, 13 + 12 layers, result, done. */
const EVENTS = 28;

/** Events without their numbers, in an order of their own: which one comes first is chance. */
function told(events: readonly Json[]): string[] {
  return events.map(({ seq: _, run_id: __, timing_ms: ___, ...event }) => JSON.stringify(event)).sort();
}

describe.each(WORLDS)("Over logs that are %s", (name, create) => {
  let world: LogWorld;
  beforeEach(async () => {
    world = await create();
  });

  /** A replica whose runs stop after so many events of the engine, until they are let. */
  const replica = (environment: Record<string, string> = {}, after = Number.POSITIVE_INFINITY) => {
    const go = gate();
    let paces = 0;
    const pace = () => (++paces > after ? go.opened : Promise.resolve());
    return Object.assign(testApp(environment, { pace }, { logs: world.open() }), { go: go.open });
  };
  const events = async (app: TestApp, id: string, after = 0) => readSse(await app.get(`/v1/runs/${id}/events?after=${after}`));
  const start = async (app: TestApp, body: object = request): Promise<string> =>
    (await (await app.post("/v1/runs", body, detached)).json()).id;
  /** Looks for what others left until it is over. */
  const overOn = async (app: TestApp, id: string): Promise<Json> => {
    let summary: Json;
    await until(async () => {
      await app.services.runs.tidy();
      summary = await (await app.get(`/v1/runs/${id}`)).json();
      return summary.finished_at !== null;
    });
    return summary;
  };
  /** A log as a process left it that died; `events` without numbers. */
  const left = async (fields: Parameters<typeof header>[0], logged: readonly WireEvent[] = []): Promise<string> => {
    const log = world.open().create(header({ detached: true, model: "prose-6m", ...fields }));
    log.append(logged);
    await log.release();
    return log.id;
  };
  const parsed = (body: object = request) => RunRequest.parse(body);
  const revisionOf = async (app: TestApp): Promise<string> =>
    ((await readSse(await app.post("/v1/runs", request)))[0] as Json).model.revision;
  const problemOn = async (app: TestApp, id: string) => {
    await overOn(app, id);
    const all = await events(app, id);
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => i + 1));
    return (all.at(-1) as Json).problem as Json;
  };

  it("A detached run goes on after a shutdown, and its readers see every event once", async () => {
    const undisturbed = await readSse(await replica().post("/v1/runs", request));
    const first = replica({}, 10);
    const id = await start(first);
    const reader = readSse(await first.get(`/v1/runs/${id}/events`));
    await until(async () => (await (await first.get(`/v1/runs/${id}`)).json()).events === 11);
    await first.services.runs.drain(0);
    // The stream ends without a last event: an EventSource connects again.
    const before = await reader;
    expect(before.map(({ seq }) => seq)).toEqual(before.map((_, i) => i + 1));
    expect(before.at(-1)?.type).toBe("layer");
    const second = replica();
    const rest = events(second, id, before.length);
    expect(await overOn(second, id)).toMatchObject({ state: "completed", events: EVENTS, detached: true, error: null });
    const all = await events(second, id);
    for (const event of all) RunEvent.parse(event);
    expect([...before, ...(await rest)]).toEqual(all);
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => i + 1));
    expect(told(all)).toEqual(told(undisturbed));
    expect(all.filter(({ type }) => type === "done" || type === "error")).toHaveLength(1);
    expect(all.at(-1)?.type).toBe("done");
    expect((await second.get(`/v1/runs/${id}/events`, { "last-event-id": String(EVENTS) })).status).toBe(204);
  });

  it("It goes on as often as it must, also with nothing but the request in its log", async () => {
    let app = replica({}, 0);
    const id = await start(app);
    for (const after of [0, 5, 5, 12]) {
      await app.services.runs.drain(0);
      app = replica({}, after);
      const now = app;
      await until(async () => {
        await now.services.runs.tidy();
        return now.engine.jobs.length === 1;
      });
    }
    app.go();
    expect(await overOn(app, id)).toMatchObject({ state: "completed", events: EVENTS });
    expect(told(await events(app, id))).toEqual(told(await readSse(await replica().post("/v1/runs", request))));
  });

  it("An attached run that its process left is closed with an error", async () => {
    const id = await left({ detached: false }, [wireEvent("meta", 1, '"run_id":"r"')]);
    const app = replica();
    expect(await problemOn(app, id)).toMatchObject({
      code: "engine_failed",
      detail: "The service stopped in the middle of the run.",
    });
    expect(await (await app.get(`/v1/runs/${id}`)).json()).toMatchObject({ state: "failed", events: 2 });
  });

  it("A run whose model is another one now ends with an error that names both revisions", async () => {
    const app = replica();
    const id = await left({ request: parsed(), revision: "1234" });
    expect(await problemOn(app, id)).toMatchObject({
      code: "conflict",
      detail: `The service stopped in the middle of the run, and it cannot go on: the model prose-6m had revision 1234 when it began and has ${await revisionOf(app)} now.`,
    });
    expect(app.engine.jobs).toHaveLength(1); // that of the revision
  });

  it("A run that is refused now ends with the refusal", async () => {
    const app = replica();
    const gone = await left({ model: "gone", request: parsed({ model: "gone", tokens: [1] }), revision: "1" });
    expect(await problemOn(app, gone)).toMatchObject({
      code: "model_not_found",
      detail: expect.stringMatching(
        /^The service stopped in the middle of the run, and it is refused now: There is no model "gone"\. /,
      ),
    });
    const unknown = await left({ request: { ...parsed(), colour: 1 } as never, revision: "1" });
    expect(await problemOn(app, unknown)).toMatchObject({ code: "invalid_request", detail: expect.stringMatching(/"colour"/) });
  });

  it("A run that would compute something else, or elsewhere, ends with an error instead of mixing both", async () => {
    const app = replica();
    const [meta] = await readSse(await app.post("/v1/runs", request));
    const revision = meta?.model.revision as string;
    /** Left by a process that had logged this `meta`. */
    const leftAfter = (changes: object) => {
      const id = newRunId();
      const { type: _, seq: __, ...fields } = { ...meta, ...changes, run_id: id } as Json;
      return left({ id, request: parsed(), revision }, [wireEvent("meta", 1, JSON.stringify(fields).slice(1, -1))]);
    };
    expect((await problemOn(app, await leftAfter({ model: { ...meta?.model, device: "webgpu" } }))).detail).toBe(
      "The service stopped in the middle of the run, and it cannot go on: the device was webgpu when it began and is cpu now.",
    );
    expect((await problemOn(app, await leftAfter({ variants: meta?.variants.slice(1) }))).detail).toBe(
      "The service stopped in the middle of the run, and it cannot go on: its variants are no longer what they were when it began.",
    );
    // Where it runs may not be known when `meta` is written; the precision then tells nothing.
    const same = await leftAfter({ model: { ...meta?.model, precision: "float16" } });
    expect(await overOn(app, same)).toMatchObject({ state: "completed" });
    expect(app.services.admission.active).toBe(0);
  });

  it("A run that ends the service again and again is given up", async () => {
    const id = await left({ request: parsed(), revision: "1" });
    for (let i = 0; i < 20; i++) {
      const logs = world.open();
      await until(async () => (await logs.orphans()).includes(id));
      await (await logs.take(id))?.log.release();
    }
    expect(await problemOn(replica(), id)).toMatchObject({
      code: "engine_failed",
      detail: "The service stopped 21 times in the middle of the run, which got no further; 20 times are allowed.",
    });
  });

  it("A run that its process left can be cancelled", async () => {
    const id = await left({ request: parsed(), revision: "1" }, [wireEvent("meta", 1, '"run_id":"r"')]);
    const app = replica();
    const cancelled = await app.delete(`/v1/runs/${id}`);
    expect([cancelled.status, (await cancelled.json()).state]).toEqual([200, "cancelled"]);
    expect((await events(app, id)).at(-1)?.problem).toMatchObject({ code: "cancelled", detail: "The run was cancelled." });
    expect((await app.delete(`/v1/runs/${id}`)).status).toBe(204);
    expect((await app.get(`/v1/runs/${id}`)).status).toBe(404);
  });

  it("A run whose log has its last event but not its end gets that", async () => {
    const id = await left({ request: parsed(), revision: "1" }, [wireEvent("done", 1, '"run_id":"r"')]);
    const app = replica();
    expect(await overOn(app, id)).toMatchObject({ state: "completed", events: 1 });
    expect(app.engine.jobs).toEqual([]);
  });

  it("Runs that wait for a place go on when there is one", async () => {
    const first = replica({}, 0);
    const ids = [await start(first), await start(first)];
    await first.services.runs.drain(0);
    const second = replica({ MAX_ACTIVE_RUNS: "1", MAX_QUEUED_RUNS: "0" }, 5);
    await until(async () => {
      void second.services.runs.tidy();
      return second.engine.jobs.length === 1;
    });
    expect((await second.post("/v1/runs", request)).status).toBe(429);
    second.go();
    for (const id of ids) await until(async () => (await (await second.get(`/v1/runs/${id}`)).json()).state === "completed");
  });

  it("A run in flight on one replica is looked at, listed and followed on another", async () => {
    const [one, other] = [replica({}, 10), replica()];
    const id = await start(one);
    await until(async () => (await (await other.get(`/v1/runs/${id}`)).json()).events === 11);
    expect(await (await other.get(`/v1/runs/${id}`)).json()).toMatchObject({
      state: "running",
      detached: true,
      finished_at: null,
    });
    const { runs } = await (await other.get("/v1/runs?state=running&model=prose-6m")).json();
    expect(runs.map(({ id }: Json) => id)).toEqual([id]);
    const followed = [events(other, id), events(other, id, 7)];
    const gathered = other.get(`/v1/runs/${id}/events`, { accept: "application/json" });
    await other.services.runs.tidy();
    one.go();
    const all = await events(one, id);
    expect(await Promise.all(followed)).toEqual([all, all.slice(7)]);
    expect((await (await gathered).json()).layers).toHaveLength(25);
    expect(all).toHaveLength(EVENTS);
  });

  it(name === "rows" ? "DELETE on any replica cancels it" : "DELETE says that another process has it", async () => {
    const [one, other] = [replica({}, 10), replica()];
    const id = await start(one);
    await until(async () => (await (await other.get(`/v1/runs/${id}`)).json()).events === 11);
    const answer = await other.delete(`/v1/runs/${id}`);
    if (name === "rows") {
      expect([answer.status, (await answer.json()).state]).toEqual([200, "cancelled"]);
      expect((await events(one, id)).at(-1)).toMatchObject({ type: "error", problem: { code: "cancelled" } });
    } else {
      expect([answer.status, (await answer.json()).code]).toEqual([409, "conflict"]);
      one.go();
      await until(async () => (await (await one.get(`/v1/runs/${id}`)).json()).state === "completed");
    }
  });

  it("A page of runs holds those that are in flight here and elsewhere, and those that are over", async () => {
    const [one, other] = [replica({}, 10), replica()];
    const ids: string[] = [];
    for (const app of [other, one, other, one]) ids.unshift(await start(app));
    await until(async () => (await (await other.get("/v1/runs?state=completed")).json()).runs.length === 2);
    const first = await (await one.get("/v1/runs?limit=3")).json();
    expect(first.runs.map(({ id }: Json) => id)).toEqual(ids.slice(0, 3));
    const second = await (await one.get(`/v1/runs?limit=3&cursor=${first.next}`)).json();
    expect([second.runs.map(({ id }: Json) => id), second.next]).toEqual([ids.slice(3), null]);
    one.go();
  });

  it("Nobody is asked for runs that never were", async () => {
    expect((await replica().delete(`/v1/runs/${newRunId()}`)).status).toBe(404);
  });
});

describe("While the database is lost", () => {
  const rows = WORLDS.find(([name]) => name === "rows")?.[1] as () => Promise<LogWorld>;

  it("Runs go on and answer their readers; their logs are complete when it is back", async () => {
    const world = await rows();
    const app = testApp({}, {}, { logs: world.open() });
    const go = gate();
    const paced = testApp({}, { pace: () => go.opened }, { logs: world.open() });
    const { id } = await (await paced.post("/v1/runs", request, detached)).json();
    world.database?.lose(true);
    const attached = await app.post("/v1/runs", request);
    const seen = await readSse(attached);
    expect(seen.at(-1)?.type).toBe("done");
    const mine = attached.headers.get("location") as string;
    // In flight here: known without the database. Anything else: not now.
    expect(await (await app.get(mine)).json()).toMatchObject({ state: "completed", events: EVENTS });
    const refused = await app.get(`/v1/runs/${newRunId()}`);
    expect([refused.status, (await refused.json()).code]).toEqual([503, "store_unavailable"]);
    const accepted = await app.post("/v1/runs", request, detached);
    expect(accepted.status).toBe(202);
    // It is not over for anybody before its last event can be read.
    const place = accepted.headers.get("location") as string;
    const followed = await app.get(`${place}/events`);
    expect(followed.status).toBe(200);
    await until(async () => {
      const { finished_at, events } = await (await app.get(place)).json();
      if (finished_at !== null) expect(events).toBe(EVENTS);
      return finished_at !== null;
    });
    expect((await readSse(followed)).at(-1)).toMatchObject({ type: "done", seq: EVENTS });
    go.open();
    await until(async () => (await (await paced.get(`/v1/runs/${id}`)).json()).state === "completed");
    world.database?.lose(false);
    await until(() => app.services.runs.active + paced.services.runs.active === 0, 15_000);
    const another = testApp({}, {}, { logs: world.open() });
    expect(await readSse(await another.get(`${mine}/events`))).toEqual(seen);
    for (const path of [`/v1/runs/${id}`, place])
      expect((await readSse(await another.get(`${path}/events`))).at(-1)).toMatchObject({ type: "done", seq: EVENTS });
  });
});
