import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ModelInfo, ModelList } from "../../src/schemas/models.ts";
import { TokenizeResponse } from "../../src/schemas/tokenize.ts";
import { gate, readSse, testApp, until } from "../support/app.ts";

const request = { model: "prose-6m", tokens: [0, 5, 6] };

describe("/v1/models", () => {
  it("Lists what can be served, with sizes, limits and what can be done", async () => {
    const list = ModelList.parse(await (await testApp().get("/v1/models")).json());
    expect(list.models).toMatchObject([
      {
        ...{
          id: "prose-6m",
          family: "gpt2",
          n_layers: 12,
          d_model: 192,
          n_heads: 6,
          d_mlp: 768,
          vocab_size: 4096,
          context_length: 256,
        },
        ...{ state: "available", device: null, memory_bytes: 0, problem: null, limits: { max_tokens: 256 } },
        captures: [
          ...["norms", "patterns", "attention_locality", "head_norms", "neurons", "residuals", "components", "attribution"],
        ],
      },
    ]);
    expect(list.models[0]?.operations).toContain("delete");
  });

  it("Shows one, with its revision; 404 for one that is not there", async () => {
    const app = testApp();
    expect(ModelInfo.parse(await (await app.get("/v1/models/prose-6m")).json()).revision).toMatch(/^[0-9a-f]{40}$/);
    const missing = await app.get("/v1/models/..%2f");
    expect([missing.status, (await missing.json()).code]).toEqual([404, "model_not_found"]);
  });

  it("Loads and unloads; not while runs use it", async () => {
    const end = gate();
    const app = testApp({}, { pace: () => end.opened });
    const loaded = await (await app.post("/v1/models/prose-6m/load")).json();
    expect(loaded).toMatchObject({ state: "ready", device: "cpu", precision: "float32", weights: "packed", memory_bytes: 1000 });
    const run = readSse(await app.post("/v1/runs", request));
    await until(() => app.engine.jobs.length === 1);
    const busy = await app.post("/v1/models/prose-6m/unload");
    expect([busy.status, (await busy.json()).code]).toEqual([409, "model_busy"]);
    end.open();
    await run;
    expect(await (await app.post("/v1/models/prose-6m/unload")).json()).toMatchObject({ state: "available", memory_bytes: 0 });
    expect((await app.post("/v1/models/nope/load")).status).toBe(404);
  });
});

describe("POST /v1/models/{model}/tokenize", () => {
  const app = testApp();
  const tokenize = async (body: object) => app.post("/v1/models/prose-6m/tokenize", body);

  it("Cuts a text into tokens and joins ids to a text", async () => {
    const { tokens, text } = TokenizeResponse.parse(await (await tokenize({ text: "Hello, “you”" })).json());
    expect(tokens[0]).toEqual({ position: 0, id: 0, text: "<|endoftext|>" });
    expect(text).toBe("<|endoftext|>Hello, “you”");
    const ids = tokens.slice(1).map(({ id }) => id);
    expect(TokenizeResponse.parse(await (await tokenize({ ids })).json()).text).toBe("Hello, “you”");
  });

  it("Gives the bytes of tokens that are not valid UTF-8", async () => {
    const { tokens } = TokenizeResponse.parse(await (await tokenize({ text: "🦊", prepend_bos: false })).json());
    const bytes = Buffer.concat(tokens.map((token) => Buffer.from(token.bytes ?? "", "base64")));
    expect(bytes.toString("utf8")).toBe("🦊");
  });

  it("Refuses what it must", async () => {
    expect((await tokenize({ text: "a", ids: [1] })).status).toBe(422);
    expect((await tokenize({ ids: [4096] })).status).toBe(422);
    expect((await tokenize({})).status).toBe(422);
  });
});

describe("Health", () => {
  it("Is ready once a smallest run has ended well, and stays so", async () => {
    const app = testApp();
    expect((await app.get("/healthz")).status).toBe(200);
    expect((await app.get("/readyz")).status).toBe(200);
    expect(app.engine.jobs).toMatchObject([{ model: "prose-6m", tokens: [0], readout: { layers: "final" } }]);
    expect((await app.get("/readyz")).status).toBe(200);
    expect(app.engine.jobs).toHaveLength(1);
  });

  it("Needs no run of its own after a real one", async () => {
    const app = testApp();
    await readSse(await app.post("/v1/runs", request));
    await until(() => app.services.runs.active === 0);
    expect((await app.get("/readyz")).status).toBe(200);
    expect(app.engine.jobs).toHaveLength(1);
  });

  it("Looks again after the engine failed", async () => {
    const script: { fail?: { code: "engine_failed"; detail: string } } = {};
    const app = testApp({}, script);
    expect((await app.get("/readyz")).status).toBe(200);
    script.fail = { code: "engine_failed", detail: "The engine process ended." };
    await readSse(await app.post("/v1/runs", request));
    await until(() => app.services.runs.active === 0);
    const sick = await app.get("/readyz");
    expect([sick.status, (await sick.json()).code]).toEqual([503, "engine_failed"]);
    delete script.fail;
    expect((await app.get("/readyz")).status).toBe(200);
  });

  it("Is not ready without a model: 503", async () => {
    const app = testApp({ MODELS_DIR: mkdtempSync(join(tmpdir(), "no-models-")) });
    const response = await app.get("/readyz");
    expect([response.status, (await response.json()).status]).toEqual([503, 503]);
    expect(await (await app.get("/v1/models")).json()).toEqual({ models: [] });
  });
});

describe("Keys", () => {
  const app = testApp({ API_KEYS: "the-first-key,the-second-key" });

  it("Are asked for where the service has any: 401", async () => {
    for (const authorization of ["", "Bearer wrong-key", "Basic the-first-key", "Bearer the-first-key2"]) {
      const response = await app.get("/v1/models", { authorization });
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    }
    expect((await app.get("/metrics")).status).toBe(401);
    expect((await app.post("/v1/runs", request)).status).toBe(401);
  });

  it("Let in, each of them; health and documentation need none", async () => {
    for (const key of ["the-first-key", "the-second-key"])
      expect((await app.get("/v1/models", { authorization: `Bearer ${key}` })).status).toBe(200);
    for (const path of ["/healthz", "/readyz", "/openapi.json", "/docs", "/"]) expect((await app.get(path)).status).toBe(200);
  });
});

describe("The rest", () => {
  it("Puts a request id on every answer, the client's where it gave one", async () => {
    const app = testApp();
    expect((await app.get("/nowhere")).headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect((await app.get("/healthz", { "x-request-id": "mine-1" })).headers.get("x-request-id")).toBe("mine-1");
    expect((await app.get("/healthz", { "x-request-id": "no spaces\tplease" })).headers.get("x-request-id")).toMatch(
      /^[0-9a-f-]{36}$/,
    );
    const missing = await app.get("/nowhere");
    expect([missing.status, (await missing.json()).detail]).toEqual([
      404,
      "There is no GET /nowhere. GET /docs has what there is.",
    ]);
  });

  it("Counts for Prometheus", async () => {
    const app = testApp();
    await readSse(await app.post("/v1/runs", request));
    await app.get("/nowhere");
    await until(() => app.services.runs.active === 0);
    const text = await (await app.get("/metrics")).text();
    for (const line of [
      'stratascope_http_requests_total{route="POST /v1/runs",status="200"} 1',
      'stratascope_http_requests_total{route="none",status="404"} 1',
      'stratascope_runs_total{outcome="completed"} 1',
      "stratascope_prompt_tokens_total 3",
      "stratascope_runs_queued 0",
      "stratascope_queue_wait_seconds_count 1",
      "stratascope_time_to_first_layer_seconds_count 1",
      "stratascope_block_calls_total 7",
      'stratascope_block_calls_by_rows_total{rows_up_to="2"} 2',
      "stratascope_model_memory_bytes 1000",
      "stratascope_engine_restarts_total 0",
    ])
      expect(text).toContain(`${line}\n`);
  });

  it("Serves the reference from here alone", async () => {
    const app = testApp();
    const page = await app.get("/docs");
    expect(page.headers.get("content-security-policy")).toMatch("default-src 'self'");
    expect(await page.text()).not.toMatch(/https?:/);
    const script = await app.get("/docs/scalar.js");
    expect(script.headers.get("content-type")).toMatch("text/javascript");
    expect((await script.text()).length).toBeGreaterThan(1e6);
  });
});
