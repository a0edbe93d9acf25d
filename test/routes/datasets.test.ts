import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Listening, listen } from "../../src/listen.ts";
import { DatasetInfo, DatasetList } from "../../src/schemas/datasets.ts";
import { type Json, testApp, until } from "../support/app.ts";

const JSONL = "application/x-ndjson";
const MAX_BYTES = 100_000;
const TALES = '{"text":"Once upon a time","n":1}\n{"n":2}\n';

/** A body whose length is not said beforehand. */
function inPieces(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + size));
      at += size;
    },
  });
}

/** A service on a real port, with a DATASETS_DIR of its own. */
function serve(environment: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "stratascope-datasets-"));
  const app = testApp({ DATASETS_DIR: folder, MAX_DATASET_BYTES: String(MAX_BYTES), LOG_LEVEL: "silent", ...environment });
  let server: Listening;
  let url = "";
  beforeAll(async () => {
    server = await listen((request, bindings) => app.app.fetch(request, bindings), { host: "127.0.0.1", port: 0 });
    url = `http://127.0.0.1:${server.port}`;
  });
  afterAll(() => server.stop(true));
  const send = async (
    method: string,
    name = "",
    init: RequestInit = {},
  ): Promise<{ status: number; headers: Headers; body: Json }> => {
    const response = await fetch(`${url}/v1/datasets${name === "" ? "" : `/${name}`}`, { method, ...init });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
  };
  const put = (name: string, body: BodyInit, type = JSONL, headers: Record<string, string> = {}) =>
    send("PUT", name, { body, headers: { "content-type": type, ...headers }, duplex: "half" } as RequestInit);
  return {
    ...{ app, folder, send, put },
    port: () => server.port,
    /** What uploads have left. */
    left: () => (existsSync(join(app.dataDir, "datasets")) ? readdirSync(join(app.dataDir, "datasets")).sort() : []),
  };
}

describe("Data sets over HTTP", () => {
  const service = serve();
  const { send, put, left, folder } = service;

  it("Are uploaded, looked at, listed, replaced and removed", async () => {
    const created = await put("tales", TALES);
    expect([created.status, created.headers.get("location")]).toEqual([201, "/v1/datasets/tales"]);
    const info = DatasetInfo.parse(created.body);
    expect(info).toEqual({
      ...{ name: "tales", source: "uploaded", format: "jsonl", bytes: TALES.length, rows: 2, texts: 1 },
      ...{ sha256: createHash("sha256").update(TALES).digest("hex"), created_at: info.created_at },
      ...{ fields: ["text", "n"], preview: "Once upon a time" },
    });
    expect(await send("GET", "tales")).toMatchObject({ status: 200, body: info });

    const same = await put("tales", TALES, "application/jsonl");
    expect([same.status, same.headers.get("location"), same.body]).toEqual([200, null, info]);
    const replaced = await put("tales", "One\n\ntwo", "Text/Plain; Charset=UTF-8");
    expect(replaced).toMatchObject({
      status: 200,
      body: { format: "text", rows: 2, texts: 2, fields: ["text"], preview: "One" },
    });
    expect(replaced.body.sha256).not.toBe(info.sha256);

    const { fields, preview, ...summary } = replaced.body;
    expect(DatasetList.parse((await send("GET")).body)).toEqual({ datasets: [summary] });
    expect(await send("DELETE", "tales")).toMatchObject({ status: 204, body: null });
    expect((await send("GET")).body).toEqual({ datasets: [] });
    const gone = await send("DELETE", "tales");
    expect([gone.status, gone.body.code, gone.body.detail]).toEqual([
      404,
      "not_found",
      'There is no data set "tales"; there are none.',
    ]);
    expect(left()).toEqual([]);
  });

  it("Come in pieces of any size", async () => {
    const bytes = Buffer.from(`{"text":"${"é🦊".repeat(500)}"}\n`);
    const { status, body } = await put("pieces", inPieces(bytes, 37));
    expect([status, body.bytes, body.preview]).toEqual([201, bytes.length, `${"é🦊".repeat(100)}…`]);
    await send("DELETE", "pieces");
  });

  it("Stand beside those of DATASETS_DIR, which nothing changes", async () => {
    writeFileSync(join(folder, "own.txt"), "One\n\ntwo");
    const refused = await put("own", TALES);
    expect([refused.status, refused.body.code, refused.body.detail]).toEqual([
      ...[409, "conflict"],
      "The data set own lies in DATASETS_DIR: an uploaded data set cannot take its place; upload it under another name.",
    ]);
    const kept = await send("DELETE", "own");
    expect([kept.status, kept.body.code, kept.body.detail]).toEqual([
      ...[409, "conflict"],
      "The data set own lies in DATASETS_DIR: it cannot be removed through the API, which never changes that folder.",
    ]);
    const { body } = await send("GET");
    expect(body.datasets).toMatchObject([
      { name: "own", source: "folder", format: "text", rows: null, texts: null, sha256: null },
    ]);
    expect((await send("GET", "own")).body).toMatchObject({ source: "folder", rows: 2, texts: 2, preview: "One" });
    expect((await send("GET")).body.datasets).toMatchObject([{ name: "own", rows: 2, texts: 2, sha256: expect.any(String) }]);
    writeFileSync(join(folder, "torn.jsonl"), '{"text":"a"}\n{');
    const torn = await send("GET", "torn");
    expect([torn.status, torn.body.detail]).toEqual([422, "line 2 of the data set torn is not JSON"]);
  });

  it("Can be named in requests for means", async () => {
    await put("nine", Array.from({ length: 9 }, (_, i) => `{"text":"The ${i} of them sat by the fire."}`).join("\n"));
    const ablate = (mean: object) => ({
      model: "prose-6m",
      tokens: [0, 5],
      interventions: [{ op: "ablate", component: "mlp", layers: [1], with: { mean } }],
    });
    const plan = await service.app.post("/v1/runs?dry_run=true", ablate({ dataset: "nine", texts: 9, tokens_per_text: 4 }));
    expect([plan.status, (await plan.json()).means[0]]).toEqual([200, expect.objectContaining({ dataset: "nine", texts: 9 })]);
    await put("fields", TALES);
    const refused = await service.app.post("/v1/runs?dry_run=true", ablate({ dataset: "fields", texts: 2, tokens_per_text: 2 }));
    expect([refused.status, (await refused.json()).errors]).toEqual([
      422,
      [{ pointer: "/interventions/0/with/mean/dataset", detail: 'line 2 of the data set fields has no "text" that is a text' }],
    ]);
    await Promise.all([send("DELETE", "nine"), send("DELETE", "fields")]);
  });
});

describe("Uploads that are refused", () => {
  const { send, put, left } = serve();
  const wrong = async (name: string, body: BodyInit, type?: string, headers?: Record<string, string>) => {
    const { status, headers: answered, body: problem } = await put(name, body, type, headers);
    expect(answered.get("content-type")).toBe("application/problem+json");
    return [status, problem.code, problem.detail];
  };

  it("Name the line that is wrong", async () => {
    const invalid = [422, "invalid_request"];
    expect(await wrong("x", '{"text":"a"}\n\n[]')).toEqual([...invalid, "line 3 of the data set x is not a JSON object"]);
    expect(await wrong("x", '{"text":"a"}\n{"text"')).toEqual([...invalid, "line 2 of the data set x is not JSON"]);
    expect(await wrong("x", "One\n\ntwo")).toEqual([...invalid, "line 1 of the data set x is not JSON"]);
    expect(await wrong("x", Buffer.from("One\n\ncaf\u00e9", "latin1"), "text/plain")).toEqual([
      ...invalid,
      "the text at line 3 of the data set x is not UTF-8",
    ]);
    for (const empty of ["", "\n \r\n", "\ufeff"])
      expect(await wrong("x", empty)).toEqual([...invalid, "the data set x is empty; at least 1 row is needed"]);
    expect(await wrong("x", "---\n\n---\n", "text/plain")).toEqual([
      ...invalid,
      "the data set x is empty; at least 1 row is needed",
    ]);
    expect(left()).toEqual([]);
  });

  it("Are more than MAX_DATASET_BYTES, said beforehand or not; the connection can be used again", async () => {
    const long = "a".repeat(30_000_000);
    for (let i = 0; i < 4; i++)
      expect(await wrong("x", long, "text/plain")).toEqual([
        ...[413, "body_too_large"],
        "The data set has 30000000 bytes; MAX_DATASET_BYTES allows 100000.",
      ]);
    const unsaid = Buffer.alloc(200_000, "a");
    const [status, code, detail] = await wrong("x", inPieces(unsaid, 10_000), "text/plain");
    expect([status, code]).toEqual([413, "body_too_large"]);
    expect(detail).toMatch(/^The data set has at least 1\d{5} bytes; MAX_DATASET_BYTES allows 100000\.$/);
    expect(await put("just", "a".repeat(MAX_BYTES), "text/plain")).toMatchObject({ status: 201, body: { bytes: MAX_BYTES } });
    await send("DELETE", "just");
    expect(left()).toEqual([]);
  });

  it("Are of another type, or compressed", async () => {
    for (const type of ["application/json", "application/octet-stream", ""])
      expect(await wrong("x", TALES, type)).toEqual([
        ...[415, "unsupported_media_type"],
        `The data set must be application/x-ndjson, application/jsonl, text/plain, in UTF-8; its type is "${type}".`,
      ]);
    expect((await wrong("x", TALES, "text/plain; charset=iso-8859-1"))[2]).toMatch(
      'its type is "text/plain; charset=iso-8859-1".',
    );
    expect(await wrong("x", TALES, JSONL, { "content-encoding": "gzip" })).toEqual([
      ...[415, "unsupported_media_type"],
      'The data set must be sent as it is; its Content-Encoding is "gzip".',
    ]);
  });

  it("Have a name that cannot be one", async () => {
    for (const name of [
      "..%2Ftales",
      "%2e%2e%2f%2e%2e%2fetc",
      ".hidden",
      "a%00b",
      "a%20b",
      "%C3%A9",
      "-a",
      "a".repeat(101),
      "a%5Cb",
    ]) {
      const [status, code, detail] = await wrong(name, TALES);
      expect([name, status, code]).toEqual([name, 422, "invalid_request"]);
      expect(detail).toMatch(/cannot be a data set's name: 1 to 100 letters, digits, dots, underscores and hyphens/);
      expect((await send("GET", name)).status).toBe(404);
      expect((await send("DELETE", name)).status).toBe(404);
    }
    expect((await put("a".repeat(100), TALES)).status).toBe(201);
    expect((await put("A.b_c-1..", TALES)).status).toBe(201);
    expect(left()).toEqual(["A.b_c-1...dataset", `${"a".repeat(100)}.dataset`]);
  });
});

describe("Uploads that are broken off", () => {
  const { port, put, send, left } = serve();

  /** Sends the beginning of an upload and goes away once some of it has arrived. */
  async function tear(how: "destroy" | "end", head: string, beginning: string): Promise<void> {
    const before = left();
    const socket = connect(port(), "127.0.0.1");
    socket.on("error", () => {});
    socket.write(`PUT /v1/datasets/tales HTTP/1.1\r\nHost: x\r\nContent-Type: ${JSONL}\r\n${head}\r\n\r\n${beginning}`);
    await until(() => left().some((file) => file.endsWith(".tmp")));
    if (how === "destroy") socket.destroy();
    else socket.end();
    await until(() => !left().some((file) => file.endsWith(".tmp")));
    expect(left()).toEqual(before);
    socket.destroy();
  }

  const line = '{"text":"torn"}\n';
  const chunk = `${line.length.toString(16)}\r\n${line}\r\n`;

  it("Leave nothing, and what was there stays", async () => {
    for (const there of [false, true]) {
      if (there) await put("tales", TALES);
      await tear("destroy", `Content-Length: ${10 * line.length}`, line);
      await tear("end", `Content-Length: ${10 * line.length}`, line);
      await tear("destroy", "Transfer-Encoding: chunked", chunk);
      await tear("end", "Transfer-Encoding: chunked", chunk);
      await tear("end", "Transfer-Encoding: chunked", `100\r\n${line}`);
    }
    expect((await send("GET", "tales")).body).toMatchObject({ rows: 2, preview: "Once upon a time" });
  });
});

describe("Several at once", () => {
  const { put, send, left } = serve();
  const version = (i: number) => `{"text":"version ${i}","filler":"${"x".repeat(1000 * (i + 1))}"}\n`;

  it("Under one name: each is whole, one is new, and the last one stays", async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => put("same", version(i))));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(11).fill(200), 201]);
    expect(answers.map(({ body }) => body.preview)).toEqual(answers.map((_, i) => `version ${i}`));
    const { body } = await send("GET", "same");
    expect(answers.map((answer) => answer.body)).toContainEqual(body);
    expect(left()).toEqual(["same.dataset"]);
  });

  it("While it is read: what is read is one of them", async () => {
    const write = async () => {
      for (let i = 0; i < 10; i++) expect((await put("same", version(i))).status).toBe(200);
    };
    const read = async () => {
      for (let i = 0; i < 30; i++) {
        const { status, body } = await send("GET", "same");
        expect([status, body.bytes]).toEqual([200, version(Number(/\d+/.exec(body.preview)?.[0])).length]);
      }
    };
    await Promise.all([write(), read(), read()]);
  });

  it("With different names, and removals", async () => {
    const names = Array.from({ length: 10 }, (_, i) => `set-${i}`);
    await Promise.all(names.map((name) => put(name, TALES)));
    await Promise.all(names.slice(0, 5).map((name) => send("DELETE", name)));
    expect((await send("GET")).body.datasets.map(({ name }: Json) => name)).toEqual(["same", ...names.slice(5)]);
  });
});

describe("The shipped data set", () => {
  const { send, put } = serve({ DATASETS_DIR: "datasets" });

  it("Is there, and says that it is shipped", async () => {
    expect((await send("GET", "prose-heldout")).body).toMatchObject({
      source: "shipped",
      rows: 256,
      texts: 256,
      fields: ["id", "source", "text"],
    });
    expect((await send("DELETE", "prose-heldout")).body.detail).toBe(
      "The data set prose-heldout is shipped with the service: it cannot be removed through the API, which never changes that folder.",
    );
    expect((await put("prose-heldout", TALES)).body.detail).toMatch(
      /^The data set prose-heldout is shipped with the service: an uploaded/,
    );
  });
});

describe("A folder that cannot be written to", () => {
  const { put, app } = serve();

  it("Is said to be the reason", async () => {
    writeFileSync(join(app.dataDir, "datasets"), "a file where the folder should be");
    const { status, body } = await put("x", TALES);
    expect([status, body.code, body.detail]).toEqual([
      ...[500, "internal"],
      "The upload could not be written to DATA_DIR (EEXIST); nothing of it was kept.",
    ]);
  });
});
