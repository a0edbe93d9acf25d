/** The service over the hub's cache: what is there is served, what is asked for is downloaded where that is allowed. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ModelEvent, ModelInfo, ModelList } from "../../src/schemas/models.ts";
import { gate, type Json, readSse, until } from "../support/app.ts";
import { commitOf, gitSha1, type HubRepo, sha256, startHub, type TestHub } from "../support/hub.ts";
import { type Server, startServer } from "../support/server.ts";

const CHECKPOINTS = "test/fixtures/checkpoints";
const WEIGHTS = "model.safetensors";
const RUN = { prompt: "It was the best of", readout: { top_k: 3 } };

const root = mkdtempSync(join(tmpdir(), "stratascope-hub-service-"));
let hub: TestHub;
let repo: HubRepo;

beforeAll(async () => {
  hub = await startHub();
});
afterAll(async () => {
  await hub.close();
  rmSync(root, { recursive: true });
});
beforeEach(() => {
  hub.requests.length = 0;
});

/** What the untouched checkpoint's last layer predicts, by the same service from MODELS_DIR. */
async function runOn(server: Server, model: string): Promise<{ status: number; final: Json; body: Json }> {
  const response = await server.post({ model, ...RUN }, { accept: "application/json" });
  const body = (await response.json()) as Json;
  return { status: response.status, final: body.result?.variants[0].final, body };
}

describe("With downloads allowed", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer({
      MODELS_DIR: CHECKPOINTS,
      HF_HUB_CACHE: mkdtempSync(join(root, "cache-")),
      HF_HOME: root,
      HF_ENDPOINT: hub.url,
      ALLOW_DOWNLOADS: "true",
    });
  });
  afterAll(async () => {
    await server.end("SIGTERM");
  });

  test("a run that names a hub's model, in shards, waits for it and runs as the same checkpoint does from a folder", async () => {
    hub.add("org/sharded", join(CHECKPOINTS, "qwen2"));
    const { status, final } = await runOn(server, "org/sharded");
    expect(status).toBe(200);
    expect(final).toEqual((await runOn(server, "qwen2")).final);
    const { models } = ModelList.parse(await server.json("/v1/models"));
    expect(models.find(({ id }) => id === "org--sharded")).toMatchObject({ family: "qwen2", state: "ready", download: null });
    expect(ModelInfo.parse(await server.json("/v1/models/org--sharded")).revision).toMatch(/^[0-9a-f]+$/);
  });

  test("who follows a download sees every file's bytes, then the model; many who ask share it", async () => {
    repo = hub.add("org/followed", join(CHECKPOINTS, "gpt2"));
    const { opened, open } = gate();
    repo.faults[WEIGHTS] = { paceMs: 25, holdAfter: 10_000, released: opened };
    const runs = [1, 2, 3].map(() => runOn(server, "org--followed"));
    await until(async () => (await fetch(`${server.url}/v1/models/org--followed`)).status === 200);
    const response = await fetch(`${server.url}/v1/models/org%2Ffollowed`, { headers: { accept: "text/event-stream" } });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const info = ModelInfo.parse(await server.json("/v1/models/org--followed"));
    expect(info).toMatchObject({ state: "downloading", family: null, download: { repo: "org/followed", revision: "main" } });
    expect(ModelList.parse(await server.json("/v1/models")).models.at(-1)).toMatchObject({
      id: "org--followed",
      state: "downloading",
    });
    open();
    const events = (await readSse(response)).map((event) => ModelEvent.parse(event));
    const downloads = events.flatMap((event) => (event.type === "download" ? [event.download] : []));
    const done = downloads.map(({ done_bytes }) => done_bytes);
    expect(done.length).toBeGreaterThan(3);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(downloads.at(-1)?.files.map(({ path }) => path)).toEqual([
      "config.json",
      "tokenizer.json",
      "tokenizer_config.json",
      WEIGHTS,
    ]);
    expect(downloads.at(-1)?.total_bytes).toBe([...repo.files.values()].reduce((sum, { length }) => sum + length, 0));
    expect(events.at(-1)).toMatchObject({ type: "model", model: { id: "org--followed", family: "gpt2", download: null } });
    for (const { status } of await Promise.all(runs)) expect(status).toBe(200);
    expect(hub.requests.filter(({ host, path }) => host === "cdn" && path.includes("followed"))).toHaveLength(1);
  });

  test("a download that fails is the answer of those who waited, shows in the model, and may be tried again", async () => {
    repo = hub.add("org/wrong", join(CHECKPOINTS, "gpt2"));
    repo.faults[WEIGHTS] = { corrupt: true };
    const { status, body } = await runOn(server, "org/wrong");
    expect(status).toBe(502);
    expect(body).toMatchObject({
      code: "download_failed",
      detail: expect.stringContaining("model.safetensors of org/wrong@main could not be downloaded: its sha256 is"),
    });
    expect(ModelInfo.parse(await server.json("/v1/models/org--wrong"))).toMatchObject({
      state: "failed",
      problem: { code: "download_failed" },
      download: { state: "failed" },
    });
    const [event] = await readSse(
      await fetch(`${server.url}/v1/models/org--wrong`, { headers: { accept: "text/event-stream" } }),
    );
    expect(event).toMatchObject({ type: "model", model: { state: "failed" } });
    delete repo.faults[WEIGHTS];
    expect((await runOn(server, "org/wrong")).status).toBe(200);
  });

  test("looking at a model downloads nothing, and a name without an organisation asks nobody", async () => {
    hub.add("org/looked", join(CHECKPOINTS, "gpt2"));
    expect((await fetch(`${server.url}/v1/models/org--looked`)).status).toBe(404);
    expect((await runOn(server, "gpt3")).status).toBe(404);
    expect(hub.requests).toEqual([]);
  });

  test("what the hub does not give is refused with its own status", async () => {
    hub.add("org/gated", join(CHECKPOINTS, "gpt2")).access = "gated";
    expect(await runOn(server, "org/gated")).toMatchObject({
      status: 403,
      body: { code: "download_refused", detail: expect.stringContaining("is gated") },
    });
    const load = await fetch(`${server.url}/v1/models/org--gated/load`, { method: "POST" });
    expect(load.status).toBe(403);
  });
});

describe("A cache that another program filled", () => {
  const cacheDir = join(root, "filled");
  const folder = join(cacheDir, "models--org--cached");
  const files = new Map(
    ["config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS].map((path) => [path, Buffer.alloc(0)]),
  );
  const commit = commitOf(files);
  let server: Server;

  beforeAll(async () => {
    const from = join(CHECKPOINTS, "gpt2");
    const snapshot = join(folder, "snapshots", commit);
    for (const part of [join(folder, "blobs"), join(folder, "refs"), snapshot]) mkdirSync(part, { recursive: true });
    for (const path of files.keys()) {
      const bytes = readFileSync(join(from, path));
      const name = path === WEIGHTS ? sha256(bytes) : gitSha1(bytes);
      writeFileSync(join(folder, "blobs", name), bytes);
      symlinkSync(join("../../blobs", name), join(snapshot, path));
    }
    writeFileSync(join(folder, "refs/main"), commit);
    mkdirSync(join(cacheDir, "models--org--partial/snapshots", commit), { recursive: true });
    cpSync(join(from, "config.json"), join(cacheDir, "models--org--partial/snapshots", commit, "config.json"));
    mkdirSync(join(cacheDir, "datasets--org--texts"));
    server = await startServer({ MODELS_DIR: join(root, "none"), HF_HUB_CACHE: cacheDir, HF_HOME: root, HF_ENDPOINT: hub.url });
  });
  afterAll(async () => {
    await server.end("SIGKILL");
  });

  test("is listed and served under every spelling, and nobody is asked", async () => {
    expect((await server.json("/v1/models")).models.map(({ id }: Json) => id)).toEqual(["org--cached"]);
    for (const name of ["org/cached", "org--cached", "org/cached@main", `org/cached@${commit}`])
      expect((await runOn(server, name)).status).toBe(200);
    expect(hub.requests).toEqual([]);
  });

  test("what is not there says how it could be had, and stays away", async () => {
    const { status, body } = await runOn(server, "org/absent");
    expect(status).toBe(404);
    expect(body.detail).toBe(
      'There is no model "org/absent". There are: org--cached. To have it from the hub: `stratascope pull org/absent`, or ALLOW_DOWNLOADS=true.',
    );
    expect(hub.requests).toEqual([]);
  });

  test("a file that is not what its name states is never run", async () => {
    const weights = realpathSync(join(folder, "snapshots", commit, WEIGHTS));
    const bytes = readFileSync(weights);
    bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1;
    const again = await startServer({ MODELS_DIR: join(root, "none"), HF_HUB_CACHE: cacheDir, HF_HOME: root });
    try {
      writeFileSync(weights, bytes);
      const { status, body } = await runOn(again, "org/cached");
      expect(status).toBe(422);
      expect(body.detail).toBe(
        "The model org--cached cannot be used. In the hub's cache model.safetensors is not what the hub states by its hash; `stratascope pull org/cached` downloads what is wrong again.",
      );
    } finally {
      await again.end("SIGKILL");
    }
    expect(readdirSync(join(folder, "snapshots"))).toEqual([commit]);
  });
});
