/** Downloads from a hub of the test's own, over real connections that break, redirect and lie. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findModel, listModels } from "../../src/engine/checkpoint/catalogue.ts";
import { parseHubName } from "../../src/engine/checkpoint/hub-cache.ts";
import { type DownloadProgress, ProgressKeeper, totals } from "../../src/hub/progress.ts";
import { type HubOptions, pullModel } from "../../src/hub/pull.ts";
import { writeRandomGpt2 } from "../support/checkpoint.ts";
import { commitOf, gitSha1, type HubRepo, sha256, startHub, type TestHub, TOKEN } from "../support/hub.ts";

const WHOLE = "test/fixtures/checkpoints/gpt2";
const WEIGHTS = "model.safetensors";
const POLICY = { attempts: 4, firstMs: 5, mostMs: 20, stallMs: 5000 };

const root = mkdtempSync(join(tmpdir(), "stratascope-hub-"));
const sharded = join(root, "sharded");
let hub: TestHub;
let repo: HubRepo;
let cacheDir: string;

beforeAll(async () => {
  hub = await startHub();
  writeRandomGpt2(sharded, { shards: 3, nLayers: 3, dModel: 48 });
});
afterAll(async () => {
  await hub.close();
  rmSync(root, { recursive: true });
});
beforeEach(() => {
  cacheDir = mkdtempSync(join(root, "cache-"));
  repo = hub.add("org/tiny", WHOLE);
});
afterEach(() => {
  hub.requests.length = 0;
});

const folderOf = (name = "org/tiny") => join(cacheDir, `models--${name.replace("/", "--")}`);
const blobs = () => readdirSync(join(folderOf(), "blobs")).sort();
const weights = () => repo.files.get(WEIGHTS) as Buffer;
const asked = (path: string) => hub.requests.filter((request) => request.path.includes(encodeURIComponent(path)));

interface PullOptions extends Partial<HubOptions> {
  readonly signal?: AbortSignal;
  readonly changed?: (progress: DownloadProgress) => void;
}

async function pull(text: string, { signal = new AbortController().signal, changed, ...options }: PullOptions = {}) {
  const name = parseHubName(text);
  if (!name) throw new Error(`${text} is no name`);
  const progress = new ProgressKeeper(name);
  progress.listen(() => changed?.(progress.current));
  const tokenFile = join(root, "no-token");
  const usual = { cacheDir, endpoint: hub.url, token: null, tokenFile, maxDownloadBytes: 1e9, retry: POLICY };
  const folder = await pullModel(name, { ...usual, ...options }, progress, signal);
  return { folder, progress: progress.current };
}

describe("A pulled model", () => {
  test("lies as the hub's other clients leave it: blobs by their hash, links, and the name of the revision", async () => {
    const { folder, progress } = await pull("org/tiny");
    const commit = commitOf(repo.files);
    expect(folder).toBe(join(folderOf(), "snapshots", commit));
    expect(readFileSync(join(folderOf(), "refs/main"), "utf8")).toBe(commit);
    const config = repo.files.get("config.json") as Buffer;
    expect(readlinkSync(join(folder, "config.json"))).toBe(`../../blobs/${gitSha1(config)}`);
    expect(readlinkSync(join(folder, WEIGHTS))).toBe(`../../blobs/${sha256(weights())}`);
    for (const [path, bytes] of repo.files) expect(readFileSync(join(folder, path)).equals(bytes)).toBe(true);
    expect(blobs()).toHaveLength(repo.files.size);
    expect(progress).toMatchObject({ state: "completed", commit });
    expect(totals(progress)).toEqual({
      doneBytes: totals(progress).totalBytes,
      totalBytes: progress.files.reduce((sum, { path }) => sum + (repo.files.get(path)?.length ?? 0), 0),
    });
  });

  test("has only the files that are needed", async () => {
    for (const path of ["pytorch_model.bin", "README.md", "tf_model.h5"]) repo.files.set(path, Buffer.from(path));
    await pull("org/tiny");
    expect(hub.requests.filter(({ path }) => /pytorch|README|tf_model/.test(path))).toEqual([]);
  });

  test("in shards has those that its index names", async () => {
    const shards = hub.add("org/large", sharded);
    shards.files.set("model-00004-of-00003.safetensors", Buffer.from("no part of it"));
    const { folder } = await pull("org/large");
    expect(readdirSync(folder).filter((name) => name.endsWith(".safetensors"))).toHaveLength(3);
    expect(findModel("nowhere", "org--large", cacheDir)).toBe(folder);
  });

  test("of a branch or a commit is found under that revision", async () => {
    repo.refs["v1.0"] = "v1.0";
    await pull("org/tiny@v1.0");
    const commit = commitOf(repo.files);
    expect(listModels("nowhere", cacheDir).map(({ id }) => id)).toEqual(["org--tiny@v1.0"]);
    expect(findModel("nowhere", "org--tiny", cacheDir)).toBeUndefined();
    const { folder } = await pull(`org/tiny@${commit}`);
    expect(findModel("nowhere", `org--tiny@${commit}`, cacheDir)).toBe(folder);
    expect(existsSync(join(folderOf(), "refs", commit))).toBe(false);
  });

  test("is not downloaded again", async () => {
    await pull("org/tiny");
    hub.requests.length = 0;
    await pull("org/tiny");
    expect(hub.requests.filter(({ path }) => path.includes("/resolve/"))).toEqual([]);
    expect(hub.requests.length).toBe(2); // the commit, and the hashes
  });

  test("keeps what another program put beside it, and takes the files that are there from it", async () => {
    const commit = commitOf(repo.files);
    const blob = join(folderOf(), "blobs", sha256(weights()));
    mkdirSync(join(folderOf(), "snapshots", commit), { recursive: true });
    mkdirSync(join(folderOf(), "blobs"), { recursive: true });
    writeFileSync(blob, weights());
    writeFileSync(join(folderOf(), "snapshots", commit, "notes.txt"), "mine");
    const { folder } = await pull("org/tiny");
    expect(asked(WEIGHTS)).toEqual([]);
    expect(readFileSync(join(folder, "notes.txt"), "utf8")).toBe("mine");
  });
});

describe("A connection that breaks", () => {
  test("is taken up where it broke, however often", async () => {
    repo.faults[WEIGHTS] = { dropAfter: 100_000, drops: 5 };
    const { folder } = await pull("org/tiny");
    expect(readFileSync(join(folder, WEIGHTS)).equals(weights())).toBe(true);
    const starts = hub.requests.filter(({ host }) => host === "cdn").map(({ range }) => Number(/\d+/.exec(range ?? "0")?.[0]));
    expect(starts).toHaveLength(6);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(new Set(starts).size).toBe(6);
  });

  test("for ever is given up, and the next try goes on from there", async () => {
    repo.faults[WEIGHTS] = { dropAfter: 200_000, drops: 1 };
    const late = () => {
      repo.faults[WEIGHTS] = { statuses: [503, 503, 503, 503, 503, 503, 503, 503] };
    };
    const changed = ({ files }: DownloadProgress) => {
      if ((files.find(({ path }) => path === WEIGHTS)?.doneBytes ?? 0) > 0 && !repo.faults[WEIGHTS]?.statuses) late();
    };
    await expect(pull("org/tiny", { changed })).rejects.toMatchObject({
      code: "download_failed",
      message: expect.stringMatching(
        /^model\.safetensors of org\/tiny@main could not be downloaded: 127\.0\.0\.1:\d+ answered 503\.$/,
      ),
    });
    expect(listModels("nowhere", cacheDir)).toEqual([]);
    expect(blobs().filter((name) => name.endsWith(".incomplete"))).toEqual([`${sha256(weights())}.incomplete`]);
    delete repo.faults[WEIGHTS];
    hub.requests.length = 0;
    await pull("org/tiny");
    const [again] = hub.requests.filter(({ host }) => host === "cdn");
    expect(Number(/^bytes=(\d+)-/.exec(again?.range ?? "")?.[1])).toBeGreaterThan(0);
  });

  test("a server that is busy is asked again", async () => {
    repo.faults["/tree"] = { statuses: [503, 429] };
    repo.faults["config.json"] = { statuses: [500] };
    expect((await pull("org/tiny")).progress.state).toBe("completed");
  });

  test("a server that says nothing any more is asked again", async () => {
    repo.faults[WEIGHTS] = { stallAfter: 50_000 };
    await pull("org/tiny", { retry: { ...POLICY, stallMs: 300 } });
    expect(hub.requests.filter(({ host }) => host === "cdn").map(({ range }) => range !== undefined)).toEqual([false, true]);
  });

  test("a server that sends the whole instead of the rest is taken from the start", async () => {
    repo.faults[WEIGHTS] = { dropAfter: 100_000, drops: 1, ignoreRange: true };
    const done: number[] = [];
    const changed = ({ files }: DownloadProgress) => {
      const file = files.find(({ path }) => path === WEIGHTS);
      if (file && file.doneBytes !== done.at(-1)) done.push(file.doneBytes);
    };
    const { folder } = await pull("org/tiny", { changed });
    expect(readFileSync(join(folder, WEIGHTS)).equals(weights())).toBe(true);
    // Not one byte of the whole was taken for one of the rest.
    const restart = done.findIndex((value, i) => value < (done[i - 1] ?? 0));
    expect(Math.max(...done.slice(0, restart))).toBeLessThanOrEqual(100_000);
  });
});

describe("Wrong bytes", () => {
  test("are thrown away, and never stand where a model is looked for", async () => {
    repo.faults[WEIGHTS] = { corrupt: true };
    const right = sha256(weights());
    await expect(pull("org/tiny")).rejects.toThrow(
      new RegExp(
        `^model\\.safetensors of org/tiny@main could not be downloaded: its sha256 is [0-9a-f]{64}, and the hub states ${right}; it was thrown away\\.$`,
      ),
    );
    expect(blobs().filter((name) => name.startsWith(right))).toEqual([]);
    expect(existsSync(join(folderOf(), "snapshots"))).toBe(false);
    expect(listModels("nowhere", cacheDir)).toEqual([]);
  });

  test("of a small file are found by git's hash", async () => {
    repo.faults["tokenizer.json"] = { corrupt: true };
    await expect(pull("org/tiny")).rejects.toThrow(/^tokenizer\.json of org\/tiny@main .* its git-sha1 is [0-9a-f]{40}, and/);
    expect(asked(WEIGHTS)).toEqual([]);
  });

  test("that an earlier try left are replaced", async () => {
    mkdirSync(join(folderOf(), "blobs"), { recursive: true });
    writeFileSync(join(folderOf(), "blobs", `${sha256(weights())}.incomplete`), Buffer.alloc(1000, 7));
    const { folder } = await pull("org/tiny");
    expect(readFileSync(join(folder, WEIGHTS)).equals(weights())).toBe(true);
    expect(
      hub.requests.filter(({ host }) => host === "cdn").map(({ range }) => range?.startsWith("bytes=1000-") ?? false),
    ).toEqual([true, false]);
  });

  test("of a blob that was tampered with are found and replaced", async () => {
    const { folder } = await pull("org/tiny");
    const bytes = Buffer.from(weights());
    bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    writeFileSync(realpathSync(join(folder, WEIGHTS)), bytes);
    await pull("org/tiny");
    expect(readFileSync(join(folder, WEIGHTS)).equals(weights())).toBe(true);
  });

  test("beyond the size that the hub states are refused", async () => {
    repo.sizes[WEIGHTS] = weights().length - 10;
    await expect(pull("org/tiny")).rejects.toThrow(/more came than the \d+ bytes that the hub states/);
    expect(listModels("nowhere", cacheDir)).toEqual([]);
  });
});

describe("The token", () => {
  test("goes to the hub, and not to where it redirects", async () => {
    await pull("org/tiny", { token: TOKEN });
    expect(new Set(hub.requests.filter(({ host }) => host === "hub").map(({ authorization }) => authorization))).toEqual(
      new Set([`Bearer ${TOKEN}`]),
    );
    const cdn = hub.requests.filter(({ host }) => host === "cdn");
    expect(cdn.length).toBeGreaterThan(0);
    expect(cdn.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  test("is read from the file that the hub's other clients keep it in", async () => {
    repo.access = "private";
    const tokenFile = join(cacheDir, "token");
    writeFileSync(tokenFile, `${TOKEN}\n`);
    expect((await pull("org/tiny", { tokenFile })).progress.state).toBe("completed");
  });
});

describe("Refusals", () => {
  const refusal = (name: string, options?: PullOptions) =>
    pull(name, options).then(
      () => null,
      ({ code, message }) => ({ code, message }),
    );

  test("a gated model says that its terms have to be accepted", async () => {
    repo.access = "gated";
    expect(await refusal("org/tiny")).toEqual({
      code: "download_refused",
      message: expect.stringMatching(
        /^config\.json of org\/tiny@main is gated \(127\.0\.0\.1:\d+ answered 401, GatedRepo\): accept its terms on its page and set HF_TOKEN\.$/,
      ),
    });
  });

  test("a name that nobody may see, or that there is not", async () => {
    expect(await refusal("org/none")).toMatchObject({
      code: "download_refused",
      message: expect.stringContaining("it does not exist, or it is private or gated and needs HF_TOKEN"),
    });
    expect(await refusal("org/none", { token: TOKEN })).toMatchObject({
      code: "model_not_found",
      message: expect.stringMatching(/^There is no org\/none@main on the hub/),
    });
    expect(await refusal("org/tiny@v9")).toMatchObject({
      code: "model_not_found",
      message: expect.stringMatching(/^org\/tiny has no revision "v9"/),
    });
  });

  test("weights that are not safetensors, before anything is downloaded", async () => {
    repo.files.set("pytorch_model.bin", weights());
    repo.files.delete(WEIGHTS);
    expect(await refusal("org/tiny")).toEqual({
      code: "model_invalid",
      message:
        "org/tiny@main cannot be used: it has neither model.safetensors nor model.safetensors.index.json; it has pytorch_model.bin, pickled weights, which are not read. Nothing more was downloaded.",
    });
    expect(hub.requests.filter(({ path }) => path.includes("/resolve/"))).toEqual([]);
  });

  test("an architecture that is not served, before its weights are downloaded", async () => {
    repo.files.set("config.json", Buffer.from(JSON.stringify({ model_type: "whisper" })));
    expect(await refusal("org/tiny")).toMatchObject({
      code: "model_invalid",
      message: expect.stringContaining('model_type is "whisper"; supported:'),
    });
    expect(asked(WEIGHTS)).toEqual([]);
  });

  test("no tokenizer, an index of shards that are not there, names that lead elsewhere", async () => {
    repo.files.delete("tokenizer.json");
    expect((await refusal("org/tiny"))?.message).toContain("it has no tokenizer.json");
    const shards = hub.add("org/large", sharded);
    shards.files.delete("model-00002-of-00003.safetensors");
    expect((await refusal("org/large"))?.message).toContain(
      "names the shard model-00002-of-00003.safetensors, which is not there",
    );
    const index = { weight_map: { a: "../../../../outside.safetensors" } };
    shards.files.set("model.safetensors.index.json", Buffer.from(JSON.stringify(index)));
    shards.files.set("../../../../outside.safetensors", Buffer.from("bad"));
    expect((await refusal("org/large"))?.message).toContain('names the shard "../../../../outside.safetensors"');
    expect(existsSync(join(root, "..", "outside.safetensors"))).toBe(false);
  });

  test("more than the limit, and more than the disk holds", async () => {
    expect(await refusal("org/tiny", { maxDownloadBytes: 1000 })).toMatchObject({
      code: "download_refused",
      message: expect.stringMatching(/^org\/tiny@main has \d+ bytes; MAX_DOWNLOAD_BYTES allows 1000\.$/),
    });
    repo.sizes[WEIGHTS] = 2 ** 52;
    expect(await refusal("org/tiny", { maxDownloadBytes: 2 ** 53 })).toMatchObject({
      code: "download_failed",
      message: expect.stringMatching(/it needs \d+ bytes more, and .* has \d+ bytes left\.$/),
    });
    expect(asked(WEIGHTS)).toEqual([]);
  });

  test("a redirect that is no web address, or one that never ends", async () => {
    repo.faults["config.json"] = { redirect: "file:///etc/hosts" };
    expect((await refusal("org/tiny"))?.message).toContain("redirects to file://, which is not followed");
    repo.faults["config.json"] = { redirect: `${hub.url}/org/tiny/resolve/main/config.json` };
    expect((await refusal("org/tiny"))?.message).toContain("redirects more than 10 times");
  });
});

describe("Stopping", () => {
  test("keeps what came, and the next pull takes it up", async () => {
    repo.faults[WEIGHTS] = { paceMs: 5 };
    const abort = new AbortController();
    const changed = ({ files }: DownloadProgress) => {
      if ((files.find(({ path }) => path === WEIGHTS)?.doneBytes ?? 0) > 50_000) abort.abort();
    };
    await expect(pull("org/tiny", { signal: abort.signal, changed })).rejects.toMatchObject({
      code: "cancelled",
      message: "The download of org/tiny@main was cancelled; the next one goes on from where it was.",
    });
    expect(readdirSync(join(cacheDir, ".locks", basename(folderOf())))).toEqual([]);
    delete repo.faults[WEIGHTS];
    hub.requests.length = 0;
    await pull("org/tiny");
    expect(hub.requests.find(({ host }) => host === "cdn")?.range).toMatch(/^bytes=[1-9]\d*-/);
  });
});

describe("Names of the hub", () => {
  test("are read in both spellings, with and without a revision", () => {
    for (const text of ["org/name", "org--name", "org/name@main"])
      expect(parseHubName(text)).toEqual({ repo: "org/name", revision: "main" });
    expect(parseHubName("org--name@refs/pr/1")).toEqual({ repo: "org/name", revision: "refs/pr/1" });
    expect(parseHubName("gpt2")).toEqual({ repo: "gpt2", revision: "main" });
  });

  test("that could lead anywhere else are none", () => {
    for (const text of [
      "",
      "../x",
      "org/../x",
      "a/b/c",
      "org/na..me",
      "org/name@",
      "org/name@../../x",
      "org/name@a//b",
      "/etc",
      "org/",
      "-x/y",
      "org/name@.git",
      "a--b--c",
      "org\\name",
      "org/na me",
    ])
      expect(parseHubName(text)).toBeNull();
  });
});
