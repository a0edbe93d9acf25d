import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unpackMultiple } from "msgpackr";
import { beforeAll, describe, expect, it } from "vitest";
import { RunEvent } from "../../src/schemas/events.ts";
import { RunDocument, RunPlan, RunSummary } from "../../src/schemas/runs.ts";
import { gate, type Json, readSse, type TestApp, testApp, until } from "../support/app.ts";

const request = { model: "prose-6m", prompt: "She opened the door", interventions: [{ op: "delete", layers: [5] }] };

describe("POST /v1/runs", () => {
  let app: TestApp;
  beforeAll(() => {
    app = testApp();
  });

  it("Streams meta, the layers, a result and done, numbered from 1", async () => {
    const response = await app.post("/v1/runs", request);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("server-timing")).toMatch(/^tokenize;dur=[\d.]+, prepare;dur=[\d.]+$/);
    const events = await readSse(response);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
    expect(events.map(({ type }) => type)).toEqual(["meta", ...Array(13 + 12).fill("layer"), "result", "done"]);
    for (const event of events) RunEvent.parse(event);
    expect(response.headers.get("location")).toBe(`/v1/runs/${events[0]?.run_id}`);
  });

  it("Says in meta what runs", async () => {
    const [meta] = await readSse(await app.post("/v1/runs", request));
    expect(meta?.model).toMatchObject({
      id: "prose-6m",
      family: "gpt2",
      n_layers: 12,
      d_model: 192,
      device: "cpu",
      precision: "float32",
    });
    expect(meta?.tokens[0]).toEqual({ position: 0, id: 0, text: "<|endoftext|>" });
    expect(meta?.positions).toEqual([meta?.tokens.length - 1]);
    expect(meta?.variants.map(({ name }: Json) => name)).toEqual(["baseline", "intervened"]);
    expect(meta?.variants[1].steps.map(({ blocks }: Json) => blocks[0])).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]);
  });

  it("Has null for what is no number, and target pairs as logit_diff", async () => {
    const readout = { positions: [0, -1], top_k: 2, targets: [" the", " a", 5] };
    const events = await readSse(await app.post("/v1/runs", { ...request, readout }));
    const layer = events[2] as Json;
    expect(layer).toMatchObject({ variant: "baseline", step: 1, layer: 0 });
    expect(layer.norms[0]).toEqual({ position: 0, attn_out: 1, mlp_out: null, resid_post: null });
    expect(layer.readout[0].top).toEqual([
      { id: 1, text: expect.any(String), logprob: -0.5 },
      { id: 2, text: expect.any(String), logprob: -1.5 },
    ]);
    expect(layer.readout[0].target).toMatchObject({ logprob: null, rank: 1 });
    expect(layer.readout[1].target).toBeNull();
    expect(layer.readout[0].targets.map(({ text }: Json) => text)).toEqual([" the", " a", expect.any(String)]);
    expect(layer.readout[0].logit_diff).toEqual([-0.5]);
    const result = events.at(-2) as Json;
    expect(result.comparison[0]).toEqual({
      ...{ variant: "intervened", position: 0, kl_nats: 0.25, top1_agreement: true },
      ...{ entropy_change_bits: -0.5, loss_change_nats: null },
    });
    expect(result.variants[1].layers[6]).toEqual({ step: 6, index: 6, layer: 6, kl_final_nats: [0.75, 0.75] });
  });

  it("Leaves layer events out that would carry nothing", async () => {
    const readout = { layers: "final" };
    const events = await readSse(await app.post("/v1/runs", { ...request, readout, capture: [] }));
    expect(events.map(({ type, step }) => [type, step])).toEqual([
      ["meta", undefined],
      ["layer", 12],
      ["layer", 11],
      ["result", undefined],
      ["done", undefined],
    ]);
  });

  it("Answers in four forms, all with the same messages", async () => {
    const forms = ["text/event-stream", "application/x-ndjson", "application/vnd.msgpack", "application/json"];
    const [sse, ndjson, msgpack, json] = await Promise.all(forms.map((accept) => app.post("/v1/runs", request, { accept })));
    const messages = shapes(await readSse(sse as Response));
    expect(ndjson?.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = (await (ndjson as Response).text()).split("\n");
    expect(lines.pop()).toBe("");
    expect(shapes(lines.map((line) => JSON.parse(line)))).toEqual(messages);
    expect(msgpack?.headers.get("content-type")).toBe("application/vnd.msgpack");
    const maps = unpackMultiple(new Uint8Array(await (msgpack as Response).arrayBuffer())) as Json[];
    expect(shapes(maps)).toEqual(messages);
    expect(maps.at(-2)?.variants[0].layers[0].kl_final_nats).toBeInstanceOf(Float64Array);
    expect(maps[0]?.positions).toBeInstanceOf(Int32Array);
    expect(json?.headers.get("content-type")).toBe("application/json");
    expect(json?.headers.get("server-timing")).toMatch(/^queue;dur=.*tokenize;dur=.*engine;dur=.*total;dur=/);
    const document = RunDocument.parse(await (json as Response).json());
    expect(shapes([document.meta, ...document.layers, document.result as Json, document.done as Json])).toEqual(messages);
  });

  it("Takes the form that Accept weighs most", async () => {
    const type = async (accept: string) => {
      const response = await app.post("/v1/runs", request, { accept });
      await response.body?.cancel();
      return response.headers.get("content-type");
    };
    expect(await type("*/*")).toMatch("text/event-stream");
    expect(await type("application/json, text/plain, */*")).toBe("application/json");
    expect(await type("application/json;q=0.5, application/x-ndjson;q=0.9")).toBe("application/x-ndjson");
    expect(await type("application/*;q=0.2, application/msgpack;q=0.3")).toBe("application/vnd.msgpack");
    expect((await app.post("/v1/runs", request, { accept: "text/html" })).status).toBe(406);
  });

  it("Tells the plan of a dry run, and runs nothing", async () => {
    const before = app.engine.jobs.length;
    const response = await app.post("/v1/runs?dry_run=true", {
      model: "prose-6m",
      prompt: "It was the best of",
      sweep: ["delete", "swap"],
    });
    const plan = RunPlan.parse(await response.json());
    expect(plan.variants).toHaveLength(24);
    expect(plan.cost).toMatchObject({ rows: 24, row_blocks: 144, block_calls: 23 });
    expect(plan.memory_bytes).toBeGreaterThan(24 * plan.tokens.length * 192 * 4);
    expect(plan.event_bytes).toBeGreaterThan(24 * 100);
    expect(plan.patterns).toEqual({ memory_bytes: 0, event_bytes: 0 });
    expect(app.engine.jobs.length).toBe(before);
  });

  it("Starts a run of nobody's connection with Prefer: respond-async", async () => {
    const response = await app.post("/v1/runs", request, { prefer: "respond-async" });
    expect(response.status).toBe(202);
    expect(response.headers.get("preference-applied")).toBe("respond-async");
    const summary = RunSummary.parse(await response.json());
    expect(summary).toMatchObject({ model: "prose-6m", detached: true, variants: 2, finished_at: null });
    expect(response.headers.get("location")).toBe(`/v1/runs/${summary.id}`);
    expect(app.engine.jobs.at(-1)?.priority).toBe("background");
    await until(async () => (await (await app.get(`/v1/runs/${summary.id}`)).json()).state === "completed");
  });

  it("Prepends BOS to a prompt, not to tokens, and never twice", async () => {
    const tokens = async (body: Json) => {
      const response = await app.post("/v1/runs?dry_run=true", { model: "prose-6m", ...body });
      return ((await response.json()) as RunPlan).tokens.map(({ id }) => id);
    };
    expect(await tokens({ tokens: [7, 8] })).toEqual([7, 8]);
    expect(await tokens({ tokens: [7, 8], prepend_bos: true })).toEqual([0, 7, 8]);
    expect(await tokens({ tokens: [0, 8], prepend_bos: true })).toEqual([0, 8]);
    const [first, second] = await tokens({ prompt: "<|endoftext|>Hello" });
    expect([first, second === 0]).toEqual([0, false]);
    expect((await tokens({ prompt: "Hello", prepend_bos: false }))[0]).not.toBe(0);
  });
});

describe("POST /v1/runs refuses, with a real status", () => {
  const app = testApp({ MAX_BODY_BYTES: "100000" });
  const refusals: [string, unknown, number, string, RegExp, string?][] = [
    ["what is not JSON", "{", 400, "invalid_request", /^The body is not JSON: /],
    ["an empty body", "", 400, "invalid_request", /^The body is empty/],
    ["unknown fields", { ...request, colour: 1 }, 422, "invalid_request", /colour/],
    [
      "an unknown model",
      { ...request, model: "nope" },
      404,
      "model_not_found",
      /^There is no model "nope". There are: prose-6m\.$/,
    ],
    [
      "an empty prompt",
      { ...request, prompt: "" },
      422,
      "invalid_request",
      /0 tokens is less than the least allowed, 1/,
      "/prompt",
    ],
    [
      "a prompt beyond the context",
      { ...request, prompt: "a b c d ".repeat(90) },
      422,
      "invalid_request",
      /\d{3} tokens .* more than .* holds, 256/,
      "/prompt",
    ],
    [
      "ids outside the vocabulary",
      { model: "prose-6m", tokens: [1, 4096] },
      422,
      "invalid_request",
      /token id 4096 .* ends at 4095/,
      "/tokens/1",
    ],
    [
      "positions out of range",
      { ...request, readout: { positions: [99] } },
      422,
      "invalid_request",
      /position 99 is out of range/,
      "/readout/positions/0",
    ],
    [
      "targets of several tokens",
      { ...request, readout: { targets: [" the door"] } },
      422,
      "invalid_request",
      /" the door" is 2 tokens/,
      "/readout/targets/0",
    ],
    [
      "targets outside the vocabulary",
      { ...request, readout: { targets: [5000] } },
      422,
      "invalid_request",
      /token id 5000/,
      "/readout/targets/0",
    ],
    [
      "layers out of range",
      { ...request, interventions: [{ op: "delete", layers: [12] }] },
      422,
      "invalid_intervention",
      /layer 12 is out of range/,
      "/interventions/0/layers/0",
    ],
    [
      "a body too large",
      { ...request, prompt: "a".repeat(100_000) },
      413,
      "body_too_large",
      /at least \d+ bytes; MAX_BODY_BYTES allows 100000/,
    ],
  ];
  for (const [what, body, status, code, detail, pointer] of refusals) {
    it(`Refuses ${what}: ${status}`, async () => {
      const response = await app.post("/v1/runs", body);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      const problem = (await response.json()) as Json;
      expect([response.status, problem.status, problem.code]).toEqual([status, status, code]);
      expect(problem.detail).toMatch(detail);
      expect(problem.type).toBe(`urn:stratascope:problem:${code}`);
      expect(problem.request_id).toBe(response.headers.get("x-request-id"));
      if (pointer) expect(problem.errors[0].pointer).toBe(pointer);
    });
  }

  it("Refuses another content type: 415", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
      const response = await app.post("/v1/runs", request, { "content-type": type });
      expect(response.status).toBe(415);
    }
    expect((await app.post("/v1/runs", request, { "content-type": "application/json; charset=utf-8" })).status).toBe(200);
  });

  it("Refuses unknown parameters: 422", async () => {
    const response = await app.post("/v1/runs?dryrun=true", request);
    expect([response.status, (await response.json()).errors[0].detail]).toEqual([
      422,
      expect.stringMatching('there is no field "dryrun"'),
    ]);
  });

  it("Refuses what can never fit, with both numbers", async () => {
    const small = testApp({ MAX_RUN_MEMORY_BYTES: "1048576" });
    const response = await small.post("/v1/runs", { model: "prose-6m", tokens: Array(200).fill(5), sweep: ["delete"] });
    const problem = (await response.json()) as Json;
    expect([response.status, problem.code]).toEqual([422, "run_too_large"]);
    expect(problem.detail).toMatch(/about \d{7,} bytes beside the model; MAX_RUN_MEMORY_BYTES allows 1048576/);
  });

  it("Refuses patterns that can never fit, by field, with the bytes and the bound", async () => {
    const small = testApp({ MAX_RUN_MEMORY_BYTES: "10485760" });
    const long = { model: "prose-6m", tokens: Array(256).fill(5), capture: ["norms", "patterns"] };
    const response = await small.post("/v1/runs", long);
    const problem = (await response.json()) as Json;
    expect([response.status, problem.code]).toEqual([422, "run_too_large"]);
    expect(problem.errors).toEqual([{ pointer: "/capture/1", detail: problem.detail }]);
    expect(problem.detail).toMatch(
      /^attention patterns of 256 tokens would take about \d{8} bytes of the \d{8} that the run would hold beside the model; MAX_RUN_MEMORY_BYTES allows 10485760$/,
    );
    expect((await small.post("/v1/runs?dry_run=true", { ...long, capture: ["norms"] })).status).toBe(200);
  });

  it("Turns away when the queue is full: 429 and Retry-After", async () => {
    const end = gate();
    const busy = testApp({ MAX_ACTIVE_RUNS: "1", MAX_QUEUED_RUNS: "1" }, { pace: () => end.opened });
    const running = [await busy.post("/v1/runs", request), await busy.post("/v1/runs", request)];
    const third = await busy.post("/v1/runs", request);
    expect([third.status, (await third.json()).detail]).toEqual([429, "1 runs are active and 1 wait; MAX_QUEUED_RUNS allows 1."]);
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    end.open();
    for (const response of running) expect((await readSse(response)).at(-1)?.type).toBe("done");
  });

  it("Starts nothing while draining: 503", async () => {
    const ending = testApp();
    ending.services.draining = true;
    expect((await ending.post("/v1/runs", request)).status).toBe(503);
    expect((await ending.get("/readyz")).status).toBe(503);
    expect((await ending.get("/healthz")).status).toBe(200);
  });
});

describe("A run that fails", () => {
  it("Ends with exactly one error, the problem of an HTTP answer", async () => {
    const app = testApp({}, { fail: { code: "engine_failed", detail: "The engine process ended." } });
    const events = await readSse(await app.post("/v1/runs", request));
    expect(events.map(({ type }) => type)).toEqual(["meta", "layer", "error"]);
    expect(events[2]?.problem).toMatchObject({
      status: 503,
      code: "engine_failed",
      detail: "The engine process ended.",
      title: "The engine failed",
    });
    const json = await app.post("/v1/runs", request, { accept: "application/json" });
    expect([json.status, (await json.json()).code]).toEqual([503, "engine_failed"]);
  });

  it("Says nothing of internals", async () => {
    const events = await readSse(await testApp({}, { explode: true }).post("/v1/runs", request));
    expect(events.at(-1)?.problem).toMatchObject({ status: 500, code: "internal" });
    expect(JSON.stringify(events)).not.toContain("secret");
  });

  it("Is cancelled when who streams it goes away, and its log says so", async () => {
    const end = gate();
    const app = testApp({}, { pace: () => end.opened });
    const response = await app.post("/v1/runs", request);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel();
    const path = response.headers.get("location") as string;
    await until(async () => (await (await app.get(path)).json()).state === "cancelled");
    const events = await readSse(await app.get(`${path}/events`));
    expect(events.map(({ type }) => type)).toEqual(["meta", "error"]);
    expect(events[1]?.problem.code).toBe("cancelled");
  });

  it("Is cancelled when who waits for the JSON goes away", async () => {
    const end = gate();
    const { app, engine, services } = testApp({}, { pace: () => end.opened });
    const controller = new AbortController();
    const headers = { "content-type": "application/json", accept: "application/json" };
    const answer = app.request("/v1/runs", { method: "POST", headers, body: JSON.stringify(request), signal: controller.signal });
    await until(() => engine.jobs.length === 1);
    controller.abort();
    expect((await answer).status).toBe(409);
    await until(() => services.runs.active === 0);
  });
});

describe("/v1/runs/{id}", () => {
  it("Replays a run from any event, with Last-Event-ID before after", async () => {
    const app = testApp();
    const all = await readSse(await app.post("/v1/runs", request));
    const path = `/v1/runs/${all[0]?.run_id}/events`;
    expect(await readSse(await app.get(path))).toEqual(all);
    expect(await readSse(await app.get(`${path}?after=20`))).toEqual(all.slice(20));
    expect(await readSse(await app.get(`${path}?after=3`, { "last-event-id": "25" }))).toEqual(all.slice(25));
    expect((await app.get(path, { "last-event-id": String(all.length) })).status).toBe(204);
    const lines = (await (await app.get(`${path}?after=${all.length - 1}`, { accept: "application/x-ndjson" })).text()).trim();
    expect(JSON.parse(lines)).toEqual(all.at(-1));
    const document = RunDocument.parse(await (await app.get(path, { accept: "application/json" })).json());
    expect(document.layers).toHaveLength(25);
    const maps = unpackMultiple(new Uint8Array(await (await app.get(path, { accept: "application/vnd.msgpack" })).arrayBuffer()));
    expect(maps).toHaveLength(all.length);
  });

  it("Refuses a place that is none, or beyond the end, with both values", async () => {
    const app = testApp();
    const all = await readSse(await app.post("/v1/runs", request));
    const path = `/v1/runs/${all[0]?.run_id}/events`;
    const bad = await app.get(`${path}?after=x`);
    expect([bad.status, (await bad.json()).detail]).toEqual([400, 'after is "x"; it must be the number of an event.']);
    const beyond = await app.get(path, { "last-event-id": "999" });
    expect([beyond.status, (await beyond.json()).detail]).toEqual([
      422,
      `Last-Event-ID is 999, beyond the last event of the run, ${all.length}.`,
    ]);
  });

  it("Follows a run in flight from the first event, whoever joins when", async () => {
    const end = gate();
    let paces = 0;
    const app = testApp({}, { pace: () => (++paces > 10 ? end.opened : Promise.resolve()) });
    const started = RunSummary.parse(await (await app.post("/v1/runs", request, { prefer: "respond-async" })).json());
    await until(async () => (await (await app.get(`/v1/runs/${started.id}`)).json()).events > 8);
    const early = readSse(await app.get(`/v1/runs/${started.id}/events`));
    const late = readSse(await app.get(`/v1/runs/${started.id}/events?after=8`));
    end.open();
    const events = await early;
    expect(events).toHaveLength(28);
    expect(await late).toEqual(events.slice(8));
  });

  it("Leaves a detached run alone when a reader goes away", async () => {
    const end = gate();
    const app = testApp({}, { pace: () => end.opened });
    const { id } = await (await app.post("/v1/runs", request, { prefer: "respond-async" })).json();
    await (await app.get(`/v1/runs/${id}/events`)).body?.cancel();
    end.open();
    await until(async () => (await (await app.get(`/v1/runs/${id}`)).json()).state === "completed");
  });

  it("Cancels a run in flight with DELETE, and purges one that is over", async () => {
    const end = gate();
    const app = testApp({}, { pace: () => end.opened });
    const { id } = await (await app.post("/v1/runs", request, { prefer: "respond-async" })).json();
    const cancelled = await app.delete(`/v1/runs/${id}`);
    expect([cancelled.status, (await cancelled.json()).state]).toEqual([200, "cancelled"]);
    const file = join(app.dataDir, "runs", `${id}.ndjson`);
    expect(readFileSync(file, "utf8")).toMatch(/"code":"cancelled"/);
    expect((await app.delete(`/v1/runs/${id}`)).status).toBe(204);
    expect(existsSync(file)).toBe(false);
    expect((await app.delete(`/v1/runs/${id}`)).status).toBe(404);
    expect((await app.get(`/v1/runs/${id}`)).status).toBe(404);
    expect((await app.get("/v1/runs/..%2f..%2fetc%2fpasswd")).status).toBe(404);
  });

  it("Lists runs, the newest first, page by page", async () => {
    const app = testApp();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await readSse(await app.post("/v1/runs", request)))[0]?.run_id);
    await until(() => app.services.runs.active === 0);
    const first = await (await app.get("/v1/runs?limit=2")).json();
    expect(first.runs.map(({ id }: Json) => id)).toEqual(ids.slice(0, 2));
    expect(first.runs[0]).toMatchObject({ state: "completed", events: 28, error: null, detached: false });
    const second = await (await app.get(`/v1/runs?limit=3&cursor=${first.next}`)).json();
    expect(second.runs.map(({ id }: Json) => id)).toEqual(ids.slice(2));
    expect(second.next).toBeNull();
    expect((await (await app.get("/v1/runs?state=failed")).json()).runs).toEqual([]);
    const refused = await app.get("/v1/runs?limit=0");
    expect([refused.status, (await refused.json()).errors[0].pointer]).toEqual([422, "limit"]);
  });

  it("Outlives the server: another one over the same folder has all of it", async () => {
    const app = testApp();
    const all = await readSse(await app.post("/v1/runs", request));
    await until(() => app.services.runs.active === 0);
    const next = testApp({ DATA_DIR: app.dataDir });
    expect(await readSse(await next.get(`/v1/runs/${all[0]?.run_id}/events?after=5`))).toEqual(all.slice(5));
    expect(readdirSync(join(app.dataDir, "runs"))).toHaveLength(1);
  });
});

/** What two forms of the same run must agree in. */
function shapes(events: readonly Json[]): unknown[] {
  return events.map(({ type, seq, variant, step, layer, readout }) => ({
    ...{ type, seq, variant, step, layer },
    top: readout?.map(({ top }: Json) => top.map(({ id, logprob }: Json) => [id, logprob])),
  }));
}
