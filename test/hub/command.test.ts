/** `stratascope pull` as a process of its own: killed midway, taken up again, shared, and what it says and answers. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { gate, type Json, until } from "../support/app.ts";
import { type HubRepo, sha256, startHub, type TestHub, TOKEN } from "../support/hub.ts";

const WEIGHTS = "model.safetensors";
const root = mkdtempSync(join(tmpdir(), "stratascope-pull-"));
let hub: TestHub;
let repo: HubRepo;
let cacheDir: string;

beforeAll(async () => {
  hub = await startHub();
});
afterAll(async () => {
  await hub.close();
  rmSync(root, { recursive: true });
});
beforeEach(() => {
  cacheDir = mkdtempSync(join(root, "cache-"));
  repo = hub.add("org/tiny", "test/fixtures/checkpoints/gpt2");
  hub.requests.length = 0;
});

interface Pull {
  readonly child: ChildProcess;
  /** On standard error so far. */
  said(): string;
  readonly ended: Promise<{ readonly code: number | string | null; readonly out: string; readonly err: string }>;
}

function pull(args: readonly string[], environment: Record<string, string> = {}): Pull {
  const env = { ...process.env, HF_HUB_CACHE: cacheDir, HF_HOME: root, HF_ENDPOINT: hub.url, ...environment };
  const child = spawn("node_modules/.bin/bun", ["src/cli/main.ts", "pull", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout?.on("data", (chunk) => (out += chunk));
  child.stderr?.on("data", (chunk) => (err += chunk));
  const ended = new Promise<{ code: number | string | null; out: string; err: string }>((resolve) =>
    child.once("close", (code, signal) => resolve({ code: code ?? signal, out, err })),
  );
  return { child, ended, said: () => err };
}

const weights = () => repo.files.get(WEIGHTS) as Buffer;
const blob = () => join(cacheDir, "models--org--tiny/blobs", sha256(weights()));
const partialSize = () => statSync(`${blob()}.incomplete`, { throwIfNoEntry: false })?.size ?? 0;
const locks = () => readdirSync(join(cacheDir, ".locks/models--org--tiny"));
const starts = () => hub.requests.filter(({ host }) => host === "cdn").map(({ range }) => Number(/\d+/.exec(range ?? "0")?.[0]));

test("Says what it did in plain lines where no terminal is, and where the model is", async () => {
  const { code, out, err } = await pull(["org/tiny"]).ended;
  expect(err).toMatch(/^org\/tiny at main, commit [0-9a-f]{12}\n( {2}✓ \S+ {2}[\d.]+ k?B\n){4}$/u);
  expect(out).toMatch(/^org--tiny is in .*\/models--org--tiny\/snapshots\/[0-9a-f]{40}\n$/);
  expect(code).toBe(0);
});

test("--json says the same as one object a line", async () => {
  const { code, out, err } = await pull(["org/tiny", "--json"]).ended;
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Json);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(lines[0]).toMatchObject({ type: "download", download: { repo: "org/tiny", state: "resolving", total_bytes: 0 } });
  const { download } = lines.at(-2) as Json;
  expect(download).toMatchObject({ state: "completed", total_bytes: download.done_bytes });
  expect(download.files.map(({ state }: Json) => state)).toEqual(Array(4).fill("completed"));
  expect(lines.at(-1)).toMatchObject({ type: "model", id: "org--tiny" });
});

test("Killed midway, it leaves nothing that could be used, and the next pull takes it up", async () => {
  const { opened, open } = gate();
  repo.faults[WEIGHTS] = { holdAfter: 100_000, released: opened };
  const first = pull(["org/tiny"]);
  await until(() => partialSize() === 100_000, 15_000);
  first.child.kill("SIGKILL");
  expect((await first.ended).code).toBe("SIGKILL");
  expect(existsSync(blob())).toBe(false);
  expect(existsSync(join(cacheDir, "models--org--tiny/snapshots"))).toBe(false);
  expect(locks()).toHaveLength(1);
  open();
  delete repo.faults[WEIGHTS];
  hub.requests.length = 0;
  const { code, out } = await pull(["org/tiny"]).ended;
  expect(code).toBe(0);
  expect(starts()).toEqual([100_000]);
  const folder = out.trim().split(" is in ")[1] as string;
  expect(readFileSync(join(folder, WEIGHTS)).equals(weights())).toBe(true);
  expect(locks()).toEqual([]);
});

test("Interrupted, it says that the next one goes on, gives the lock back and ends with 130", async () => {
  const { opened, open } = gate();
  repo.faults[WEIGHTS] = { holdAfter: 50_000, released: opened };
  const { child, ended } = pull(["org/tiny"]);
  await until(() => partialSize() === 50_000, 15_000);
  child.kill("SIGINT");
  const { code, err } = await ended;
  expect(code).toBe(130);
  expect(err).toMatch(/^The download of org\/tiny@main was cancelled; the next one goes on from where it was\.$/m);
  expect(partialSize()).toBe(50_000);
  open();
  expect(locks()).toEqual([]);
});

test("Two at once share one download", async () => {
  const { opened, open } = gate();
  repo.faults[WEIGHTS] = { holdAfter: 1000, released: opened };
  const first = pull(["org/tiny"]);
  await until(() => partialSize() > 0, 15_000);
  const second = pull(["org/tiny"]);
  await until(() => second.said().includes("another process downloads this model; waiting for it"), 15_000);
  open();
  const [one, other] = await Promise.all([first.ended, second.ended]);
  expect([one.code, other.code]).toEqual([0, 0]);
  expect(other.out).toBe(one.out);
  expect(starts()).toEqual([0]);
});

test("A full disk is said so, and nothing is left that could be used", async () => {
  // Files of this shell's children may have 256 KiB at most.
  const env = { ...process.env, HF_HUB_CACHE: cacheDir, HF_HOME: root, HF_ENDPOINT: hub.url };
  const child = spawn("bash", ["-c", "trap '' XFSZ; ulimit -f 256; exec node_modules/.bin/bun src/cli/main.ts pull org/tiny"], {
    env,
  });
  let err = "";
  child.stderr.on("data", (chunk) => (err += chunk));
  expect(await new Promise((resolve) => child.once("close", resolve))).toBe(1);
  expect(err).toContain(`${WEIGHTS} of org/tiny@main could not be downloaded: no space is left for it (EFBIG)`);
  expect(existsSync(blob())).toBe(false);
});

test("What the hub refuses ends with 1 and its reason, a name that is none with 2", async () => {
  const missing = await pull(["org/none"], { HF_TOKEN: TOKEN }).ended;
  expect(missing).toMatchObject({
    code: 1,
    out: "",
    err: expect.stringMatching(/^There is no such model: There is no org\/none@main on the hub/),
  });
  repo.access = "gated";
  expect(await pull(["org/tiny"]).ended).toMatchObject({ code: 1, err: expect.stringContaining("org/tiny@main is gated") });
  expect(await pull(["org/tiny/extra"]).ended).toMatchObject({
    code: 2,
    err: expect.stringContaining('"org/tiny/extra" cannot be a model\'s name on the hub'),
  });
  expect(await pull([]).ended).toMatchObject({
    code: 2,
    err: expect.stringContaining("The model's name is missing. Example: stratascope pull"),
  });
});

test("The token's file is the one in HF_HOME", async () => {
  repo.access = "gated";
  writeFileSync(join(root, "token"), TOKEN);
  expect((await pull(["org/tiny"]).ended).code).toBe(0);
  rmSync(join(root, "token"));
});
