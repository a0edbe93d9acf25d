/** Experiments over HTTP: a real engine, an embedded database, everything that a client can ask and be told. */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { parquetReadObjects } from "hyparquet";
import { Unpackr } from "msgpackr";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ExperimentEvent, ExperimentEvents } from "../../src/schemas/experiments/events.ts";
import { Experiment, ExperimentList, ExperimentResult } from "../../src/schemas/experiments/experiment.ts";
import { ExperimentFiles } from "../../src/schemas/experiments/files.ts";
import { type Json, readSse } from "../support/app.ts";
import { postExperiment, readToEnd, startExperiment } from "../support/experiment-client.ts";
import { CHECKPOINTS, readFixture } from "../support/fixtures.ts";
import { startService, type TestService } from "../support/service.ts";

const { texts } = readFixture("gpt2");
const tokens = texts.map((text) => [...text]);
const lens = { kind: "logit-lens", model: "gpt2", data: { tokens }, prepend_bos: true } as const;
const NOBODY = "01aaaaaaaa00000000000000";

const newFolder = () => mkdtempSync(join(tmpdir(), "stratascope-"));

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

async function ask(service: TestService, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${service.url}/v1/experiments${path}`, init);
  const text = await response.text();
  const isJson = /json$/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** Posts what is refused. */
async function refusal(service: TestService, body: unknown, headers: Record<string, string> = {}): Promise<Answer["body"]> {
  const response = await postExperiment(service, body, headers);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  return response.json();
}

async function completed(service: TestService, request: Parameters<typeof startExperiment>[1]): Promise<string> {
  const id = await startExperiment(service, request);
  expect((await readToEnd(service, id)).at(-1)?.type).toBe("done");
  return id;
}

/** `serves`: computes too; `waits`: leaves what is queued. */
let serves: TestService;
let waits: TestService;
beforeAll(async () => {
  [serves, waits] = await Promise.all([
    startService({ DATA_DIR: newFolder(), MODELS_DIR: CHECKPOINTS, MAX_BODY_BYTES: "20000" }),
    startService({ DATA_DIR: newFolder(), MODELS_DIR: CHECKPOINTS, EXPERIMENT_CHUNKS: "0" }),
  ]);
});
afterAll(() => Promise.all([serves.stop(), waits.stop()]));

describe("POST /v1/experiments", () => {
  it("Answers 201 with where it is", async () => {
    const response = await postExperiment(serves, lens);
    const body = Experiment.parse(await response.json());
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe(`/v1/experiments/${body.id}`);
    expect(body).toMatchObject({
      ...{ kind: "logit-lens", model: "gpt2", reason: null, texts: 5, tokens_per_text: 24, prepend_bos: true, seed: 0 },
      ...{ settings: { lens: "standard" }, data: { dataset: null, texts: 5 }, error: null, progress: { total: 5 } },
    });
    expect(["queued", "running"]).toContain(body.state);
  });

  it("Gives the same experiment for the same Idempotency-Key, and refuses another body for it", async () => {
    const headers = { "idempotency-key": "a key" };
    const [one, two] = await Promise.all([postExperiment(serves, lens, headers), postExperiment(serves, lens, headers)]);
    expect([one.status, two.status].sort()).toEqual([200, 201]);
    const { id } = await one.json();
    expect((await two.json()).id).toBe(id);
    // Defaults that are spelled out are the same request.
    const third = await postExperiment(serves, { seed: 0, ...lens, settings: { lens: "standard" } }, headers);
    expect([third.status, third.headers.get("location")]).toEqual([200, `/v1/experiments/${id}`]);
    const detail = `Idempotency-Key "a key" was used for another request, which started experiment ${id}.`;
    expect(await refusal(serves, { ...lens, seed: 1 }, headers)).toMatchObject({
      ...{ status: 422, code: "invalid_request", detail, errors: [{ pointer: "Idempotency-Key", detail }] },
    });
    expect(await refusal(serves, lens, { "idempotency-key": "k".repeat(201) })).toMatchObject({ status: 422 });
    // Once it is removed, the key is free.
    await readToEnd(serves, id);
    expect((await ask(serves, `/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await postExperiment(serves, lens, headers)).status).toBe(201);
  });

  const { data: _, ...bare } = lens;
  it.each<[string, unknown, string | null, string]>([
    ["another kind", { ...lens, kind: "horoscope" }, "/kind", '/kind: "horoscope" is not one of "layer-interventions", '],
    ["an unknown setting", { ...lens, settings: { colour: 1 } }, "/settings", 'there is no field "colour"; there are lens'],
    ["an unknown field", { ...lens, colour: 1 }, "", 'there is no field "colour"; there are kind, '],
    ["a wrong value", { ...lens, settings: { lens: "round" } }, "/settings/lens", '"round" is not one of "standard", '],
    ["no texts", bare, "/data", 'is required: { "dataset": "…" }, or { "texts": […] }'],
    ["two sources", { ...lens, data: { tokens, texts: ["a"] } }, "/data", "not texts and tokens"],
    ["another data set", { ...lens, data: { dataset: "poems" } }, "/data/dataset", 'there is no data set "poems"; there are '],
    ["another token", { ...lens, data: { tokens: [[0, 999]] } }, "/data/tokens/0/1", "token id 999 is not in the vocabulary"],
    ["more than there are", { ...lens, texts: 6 }, "/texts", "6 texts are more than were given, 5"],
    ["more than the limit", { ...lens, texts: 100_001 }, "/texts", "100001 is more than the most allowed, 100000"],
    [
      "more than the context",
      { ...lens, tokens_per_text: 97 },
      "/tokens_per_text",
      "97 tokens are more than the context of gpt2 holds, 96",
    ],
    ["ids where words are looked at", { ...lens, kind: "suffix-probe" }, "/data/tokens", "this kind needs texts, not token ids"],
    [
      "too few examples",
      { ...bare, kind: "suffix-probe", data: { texts: ["one two three"] }, settings: { suffix: "zzq" } },
      "/data",
      'the texts have 0 positions whose next token ends a word in "zzq" and 0 whose',
    ],
  ])("Refuses %s with 422, the field and the reason", async (_, body, pointer, text) => {
    const { status, code, detail, errors } = await refusal(serves, body);
    expect([status, code]).toEqual([422, "invalid_request"]);
    expect(errors).toMatchObject([{ pointer }]);
    expect(detail).toContain(text);
  });

  it.each<[string, unknown, number, string, string]>([
    ["another model", { ...lens, model: "gpt5" }, 404, "model_not_found", "gpt5"],
    ["what is no JSON", "{", 400, "invalid_request", "The body is not JSON: "],
    ["nothing", "", 400, "invalid_request", "The body is empty; it must be a JSON object."],
    ["too much", { ...lens, data: { texts: ["x".repeat(20_000)] } }, 413, "body_too_large", "20000"],
  ])("Refuses %s", async (_, body, status, code, text) => {
    const problem = await refusal(serves, body);
    expect([problem.status, problem.code]).toEqual([status, code]);
    expect(problem.detail).toContain(text);
  });

  it("Says which texts are too short, and how short", async () => {
    const data = { tokens: [...tokens.slice(0, 2), [0, 1, 2], [0, 5]] };
    const { errors, detail } = await refusal(serves, { ...lens, data, tokens_per_text: 24 });
    expect(errors).toHaveLength(1);
    expect(detail).toBe(
      "2 of 4 texts have fewer than 24 tokens (BOS included): 2 (3), 3 (2). " +
        'Ask for fewer tokens_per_text, pass over them with "short_texts": "skip", or take each as long as it is with "short_texts": "keep"',
    );
    const response = await postExperiment(serves, { ...lens, data, tokens_per_text: 24, short_texts: "skip" });
    expect([response.status, (await response.json()).texts]).toEqual([201, 2]);
  });

  it("Takes each as long as it is, and says how long they are", async () => {
    const data = { tokens: [tokens[0] as number[], [0, 1, 2], [0, 5]] };
    const id = await completed(serves, { ...lens, data, short_texts: "keep" });
    const lengths = { texts: 3, tokens: { least: 2, most: 24, all: 29 } };
    const { body: experiment } = await ask(serves, `/${id}`);
    expect(Experiment.parse(experiment)).toMatchObject({ tokens_per_text: null, data: lengths });
    const { body: result } = await ask(serves, `/${id}/result`);
    expect(ExperimentResult.parse(result)).toMatchObject({ tokens_per_text: null, data: lengths });
    expect(new Set(result.rows.map(({ count }: { count: number }) => count))).toEqual(new Set([29 - 3]));
  });

  it("Refuses texts of no length, by number", async () => {
    const { errors } = await refusal(serves, { ...lens, data: { texts: ["two and", ""] }, short_texts: "keep" });
    expect(errors).toEqual([{ pointer: "/data/texts/1", detail: "text 1 has 0 characters, fewer than the least allowed, 1" }]);
  });

  it("Needs application/json", async () => {
    expect(await refusal(serves, JSON.stringify(lens), { "content-type": "text/plain" })).toMatchObject({
      ...{ status: 415, code: "unsupported_media_type" },
    });
  });
});

describe("GET /v1/experiments", () => {
  it("Pages from the newest to the oldest, by model, kind and state", async () => {
    const ids: string[] = [];
    for (const [kind, model] of [
      ["logit-lens", "gpt2"],
      ["component-norms", "gpt2"],
      ["logit-lens", "llama"],
      ["component-norms", "llama"],
      ["logit-lens", "gpt2"],
    ] as const)
      ids.unshift(await startExperiment(waits, { ...lens, kind, model }));
    const list = async (query: string) => ExperimentList.parse((await ask(waits, `?${query}`)).body);
    const idsOf = async (query: string) => (await list(query)).experiments.map(({ id }) => id);
    expect((await list("")).experiments.map(({ id }) => id).slice(0, 5)).toEqual(ids);
    const first = await list("limit=2");
    expect([first.experiments.map(({ id }) => id), first.next]).toEqual([ids.slice(0, 2), ids[1]]);
    const second = await list(`limit=2&cursor=${first.next}`);
    expect(second.experiments.map(({ id }) => id)).toEqual(ids.slice(2, 4));
    const third = await list(`limit=2&cursor=${second.next}`);
    expect([third.experiments.map(({ id }) => id), third.next]).toEqual([ids.slice(4), null]);
    expect(await idsOf("model=llama")).toEqual([ids[1], ids[2]]);
    expect(await idsOf("kind=logit-lens")).toEqual([ids[0], ids[2], ids[4]]);
    expect(await idsOf("kind=logit-lens&model=llama")).toEqual([ids[2]]);
    expect(await idsOf("model=nobody")).toEqual([]);
    expect(await idsOf("state=queued")).toEqual(ids);
    expect(await idsOf("state=running")).toEqual([]);
    await ask(waits, `/${ids[3]}`, { method: "DELETE" });
    expect(await idsOf("state=cancelled")).toEqual([ids[3]]);
    expect(await idsOf("state=queued&kind=component-norms")).toEqual([ids[1]]);
    for (const query of ["limit=0", "limit=201", "state=lost", "kind=horoscope", "colour=red"])
      expect((await ask(waits, `?${query}`)).status).toBe(422);
  });
});

describe("An experiment that waits", () => {
  it("Has no result yet, is cancelled, resumed and removed", async () => {
    const id = await startExperiment(waits, lens);
    const problem = (status: number, detail: string) => ({ status, body: { status, detail } });
    const unready = "The experiment is queued at 0 of 5; its result is there when it is completed.";
    for (const path of ["/result", "/result?format=csv", "/figure.svg", "/figure.png"])
      expect(await ask(waits, `/${id}${path}`)).toMatchObject(problem(409, unready));
    const resume = () => ask(waits, `/${id}/resume`, { method: "POST" });
    const refused = "The experiment is queued; only what failed or was cancelled can be resumed.";
    expect(await resume()).toMatchObject(problem(409, refused));

    const cancelled = await ask(waits, `/${id}`, { method: "DELETE" });
    expect(cancelled).toMatchObject({ status: 200, body: { id, state: "cancelled", events: 3, error: { code: "cancelled" } } });
    expect(Experiment.parse(cancelled.body).finished_at).not.toBeNull();
    const events = await readSse(await fetch(`${waits.url}/v1/experiments/${id}/events`));
    for (const event of events) ExperimentEvent.parse(event);
    expect(events.map(({ type, experiment }) => experiment?.state ?? type)).toEqual(["queued", "cancelled", "error"]);
    expect(events.at(-1)).toMatchObject({
      experiment_id: id,
      problem: { code: "cancelled", detail: "The experiment was cancelled." },
    });
    expect(await ask(waits, `/${id}/result`)).toMatchObject(
      problem(
        409,
        "The experiment is cancelled at 0 of 5: The experiment was cancelled.; its result is there when it is completed.",
      ),
    );

    expect(await resume()).toMatchObject({ status: 200, body: { state: "queued", error: null, finished_at: null, events: 4 } });
    expect((await ask(waits, `/${id}`, { method: "DELETE" })).status).toBe(200);
    expect(await ask(waits, `/${id}`, { method: "DELETE" })).toMatchObject({ status: 204, body: "" });
    expect(await ask(waits, `/${id}`)).toMatchObject(problem(404, `There is no experiment "${id}". It may have been removed.`));
  });

  it("Is not there: 404 whatever is asked of it", async () => {
    for (const path of ["", "/events", "/result", "/figure.svg", "/figure.png", "/files", "/files/a"])
      expect(await ask(serves, `/${NOBODY}${path}`)).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect((await ask(serves, `/${NOBODY}`, { method: "DELETE" })).status).toBe(404);
    expect((await ask(serves, `/${NOBODY}/resume`, { method: "POST" })).status).toBe(404);
  });
});

describe("Events of an experiment", () => {
  let id: string;
  let url: string;
  let all: Json[];
  beforeAll(async () => {
    id = await completed(serves, lens);
    url = `${serves.url}/v1/experiments/${id}/events`;
    all = await readSse(await fetch(url));
  });
  const get = (accept: string, after = "") => fetch(`${url}${after}`, { headers: { accept } });

  it("Are the same in every form", async () => {
    const sse = await get("text/event-stream");
    expect(sse.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(await readSse(sse)).toEqual(all);
    const lines = await get("application/x-ndjson");
    expect(lines.headers.get("content-type")).toBe("application/x-ndjson");
    expect(
      (await lines.text())
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(all);
    const whole = await get("application/json");
    expect(ExperimentEvents.parse(await whole.json()).events).toEqual(all);
    const packed = await get("application/vnd.msgpack");
    expect(packed.headers.get("content-type")).toBe("application/vnd.msgpack");
    const messages = new Unpackr({ mapsAsObjects: true }).unpackMultiple(new Uint8Array(await packed.arrayBuffer())) as Json[];
    const plain = (_: string, part: unknown) => (ArrayBuffer.isView(part) ? [...(part as Float64Array)] : part);
    expect(messages.map((each) => JSON.parse(JSON.stringify(each, plain)))).toEqual(all);
    expect((await get("image/png")).status).toBe(406);
  });

  it("Go on after any of them", async () => {
    for (let seq = 0; seq < all.length; seq++) {
      expect(await readSse(await fetch(url, { headers: { "last-event-id": String(seq) } }))).toEqual(all.slice(seq));
      expect(await readSse(await get("*/*", `?after=${seq}`))).toEqual(all.slice(seq));
    }
    const { events } = await (await get("application/json", "?after=2")).json();
    expect(events).toEqual(all.slice(2));
    // An EventSource stops at 204.
    expect((await get("text/event-stream", `?after=${all.length}`)).status).toBe(204);
    const beyond = await get("text/event-stream", `?after=${all.length + 1}`);
    expect([beyond.status, (await beyond.json()).detail]).toEqual([
      422,
      `after is ${all.length + 1}, beyond the last event of the experiment, ${all.length}.`,
    ]);
    const garbled = await fetch(url, { headers: { "last-event-id": "x" } });
    expect([garbled.status, (await garbled.json()).detail]).toEqual([
      400,
      'Last-Event-ID is "x"; it must be the number of an event.',
    ]);
  });
});

describe("The result of an experiment", () => {
  let id: string;
  let document: Json;
  beforeAll(async () => {
    id = await completed(serves, { ...lens, settings: { lens: "frozen-norm" }, seed: 7 });
    document = (await ask(serves, `/${id}/result`)).body;
  });
  const get = (query: string, accept?: string) =>
    fetch(`${serves.url}/v1/experiments/${id}/result${query}`, accept ? { headers: { accept } } : {});

  it("Is JSON with all that it was made from", async () => {
    expect(ExperimentResult.parse(document)).toEqual(document);
    expect(document).toMatchObject({
      ...{ id, kind: "logit-lens", tokens_per_text: 24, prepend_bos: true, seed: 7, settings: { lens: "frozen-norm" } },
      ...{ model: { id: "gpt2", n_layers: 5 }, data: { dataset: null, texts: 5 } },
    });
    for (const row of document.rows) expect(Object.keys(row)).toEqual(document.columns.map(({ name }: Json) => name));
  });

  it("Is CSV", async () => {
    const response = await get("?format=csv");
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="logit-lens-gpt2.csv"');
    const [head, ...lines] = (await response.text()).trimEnd().split("\r\n");
    expect(head).toBe(document.columns.map(({ name }: Json) => name).join());
    expect(lines).toEqual(
      document.rows.map((row: Json) =>
        Object.values(row)
          .map((cell) => cell ?? "")
          .join(),
      ),
    );
  });

  it("Is Parquet that hyparquet and DuckDB open with the right types", async () => {
    const response = await get("?format=parquet");
    expect(response.headers.get("content-type")).toBe("application/vnd.apache.parquet");
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="logit-lens-gpt2.parquet"');
    const bytes = await response.arrayBuffer();
    const integers = document.columns.filter(({ type }: Json) => type === "int").map(({ name }: Json) => name);
    const rows = document.rows.map((row: Json) =>
      Object.fromEntries(
        Object.entries(row).map(([name, cell]) => [name, integers.includes(name) ? BigInt(cell as number) : cell]),
      ),
    );
    expect(await parquetReadObjects({ file: bytes })).toEqual(rows);
    const path = join(newFolder(), "result.parquet");
    writeFileSync(path, new Uint8Array(bytes));
    const instance = await DuckDBInstance.create();
    const connection = await instance.connect();
    const read = await connection.runAndReadAll(`SELECT * FROM '${path}'`);
    expect(read.getRowObjects()).toEqual(rows);
    const types = { int: "BIGINT", float: "DOUBLE", string: "VARCHAR", boolean: "BOOLEAN" };
    expect(read.columnTypes().map(String)).toEqual(document.columns.map(({ type }: Json) => types[type as keyof typeof types]));
    connection.closeSync();
    instance.closeSync();
  });

  it("Goes by Accept, and by format before it", async () => {
    const type = async (query: string, accept: string) => (await get(query, accept)).headers.get("content-type");
    expect(await type("", "text/csv")).toBe("text/csv; charset=utf-8");
    expect(await type("", "application/vnd.apache.parquet, */*")).toBe("application/vnd.apache.parquet");
    expect(await type("", "text/html, application/json;q=0.9")).toBe("application/json");
    expect(await type("?format=json", "text/csv")).toBe("application/json");
    expect((await get("", "image/png")).status).toBe(406);
    expect((await get("?format=xml")).status).toBe(422);
  });

  it("Has no tables but its own", async () => {
    const response = await get("?table=neurons");
    expect([response.status, (await response.json()).detail]).toEqual([
      404,
      'The experiment has no table "neurons"; there is result.',
    ]);
    const census = await completed(serves, { kind: "neuron-census", model: "gpt2" });
    const neurons = await ask(serves, `/${census}/result?table=neurons&format=csv`);
    expect(neurons.headers.get("content-disposition")).toBe('attachment; filename="neuron-census-gpt2-neurons.csv"');
    expect(neurons.body.trimEnd().split("\n")).toHaveLength(1 + 5 * (await ask(serves, `/${census}/result`)).body.model.d_mlp);
    expect((await ask(serves, `/${census}/result?table=cats`)).body.detail).toBe(
      'The experiment has no table "cats"; there are result, neurons.',
    );
  });

  it("Is drawn", async () => {
    const svg = await ask(serves, `/${id}/figure.svg`);
    expect([svg.status, svg.headers.get("content-type")]).toEqual([200, "image/svg+xml"]);
    expect(svg.body).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
    const png = async (query = "") => {
      const response = await fetch(`${serves.url}/v1/experiments/${id}/figure.png${query}`);
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "image/png"]);
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(bytes.subarray(1, 4).toString()).toBe("PNG");
      return bytes.readUInt32BE(16);
    };
    expect(await png("?scale=1")).toBe((await png()) / 2);
    expect((await ask(serves, `/${id}/figure.png?scale=9`)).status).toBe(422);
  });

  it("Goes with the experiment", async () => {
    expect(await ask(serves, `/${id}`, { method: "DELETE" })).toMatchObject({ status: 204, body: "" });
    for (const path of ["", "/result", "/events"]) expect((await ask(serves, `/${id}${path}`)).status).toBe(404);
    expect((await ask(serves, `/${id}`, { method: "DELETE" })).status).toBe(404);
  });
});

describe("Files of an experiment", () => {
  const activations = { ...lens, kind: "activations", settings: { sites: ["resid_post"], layers: [1, 2] } } as const;

  it("Are listed, and read whole or in part", async () => {
    const id = await completed(serves, activations);
    const { files } = ExperimentFiles.parse((await ask(serves, `/${id}/files`)).body);
    expect(files).toEqual([
      {
        name: "activations-00000.safetensors",
        available: true,
        url: `/v1/experiments/${id}/files/activations-00000.safetensors`,
      },
    ]);
    const url = `${serves.url}${files[0]?.url}`;
    const get = async (range?: string) => {
      const response = await fetch(url, range ? { headers: { range } } : {});
      const bytes = Buffer.from(await response.arrayBuffer());
      return { status: response.status, range: response.headers.get("content-range"), bytes, headers: response.headers };
    };
    const { bytes, status, headers } = await get();
    expect([status, headers.get("content-type"), headers.get("accept-ranges")]).toEqual([
      200,
      "application/octet-stream",
      "bytes",
    ]);
    const [row] = (await ask(serves, `/${id}/result`)).body.rows;
    expect(row).toMatchObject({ bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
    const size = bytes.length;
    for (const [range, from, to] of [
      ["bytes=0-7", 0, 7],
      ["bytes=100-", 100, size - 1],
      ["bytes=-16", size - 16, size - 1],
      [`bytes=8-${size + 50}`, 8, size - 1],
    ] as const)
      expect(await get(range)).toMatchObject({
        ...{ status: 206, range: `bytes ${from}-${to}/${size}`, bytes: bytes.subarray(from, to + 1) },
      });
    expect(await get(`bytes=${size}-`)).toMatchObject({ status: 416, range: `bytes */${size}` });
    expect((await get("bytes=0-1,4-5")).bytes).toEqual(bytes);
    expect((await ask(serves, `/${id}/files/other`)).body.detail).toBe('The experiment has no file "other".');
    expect((await ask(serves, `/${id}/figure.svg`)).status).toBe(404);
  });

  it("Are not there before their texts are computed, and other kinds have none", async () => {
    const id = await startExperiment(waits, activations);
    const { files } = (await ask(waits, `/${id}/files`)).body;
    expect(files).toMatchObject([{ available: false }]);
    expect(await ask(waits, `/${id}/files/${files[0].name}`)).toMatchObject({
      status: 409,
      body: { detail: `The file ${files[0].name} is not there yet: its texts have not been computed.` },
    });
    const other = await startExperiment(waits, lens);
    expect((await ask(waits, `/${other}/files`)).body).toEqual({ files: [] });
  });
});

describe("An experiment whose model's files change before it is computed", () => {
  it("Fails, says why, and goes on when they are put back", async () => {
    const [models, DATA_DIR] = [newFolder(), newFolder()];
    cpSync(join(CHECKPOINTS, "gpt2"), join(models, "gpt2"), { recursive: true, dereference: true });
    const config = join(models, "gpt2", "config.json");
    const before = readFileSync(config, "utf8");
    const common = { MODELS_DIR: models };
    const copy = newFolder();
    mkdirSync(copy, { recursive: true });
    const first = await startService({ ...common, DATA_DIR, EXPERIMENT_CHUNKS: "0" });
    const id = await startExperiment(first, lens);
    const { revision } = (await ask(first, `/${id}`)).body;
    cpSync(DATA_DIR, copy, { recursive: true });
    await first.stop();
    writeFileSync(config, JSON.stringify({ ...JSON.parse(before), note: "changed" }));
    const second = await startService({ ...common, DATA_DIR: copy });
    const events = await readToEnd(second, id);
    expect(events.at(-1)).toMatchObject({ type: "error", problem: { code: "conflict" } });
    expect(events.at(-1)?.problem.detail).toContain(`planned with revision ${revision} of the model gpt2`);
    expect((await ask(second, `/${id}`)).body).toMatchObject({ state: "failed", error: { code: "conflict" } });
    writeFileSync(config, before);
    expect((await ask(second, `/${id}/resume`, { method: "POST" })).body).toMatchObject({ state: "queued", error: null });
    const rest = await readSse(
      await fetch(`${second.url}/v1/experiments/${id}/events`, { headers: { "last-event-id": String(events.length) } }),
    );
    expect(rest.at(-1)).toMatchObject({ type: "done" });
    await second.stop();
  });
});
