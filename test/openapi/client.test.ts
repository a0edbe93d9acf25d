/** A client generated from the published document, used as its types say: nothing about the API is written by hand. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Listening, listen } from "../../src/listen.ts";
import { type TestApp, testApp, until } from "../support/app.ts";

const FOLDER = "test/generated/client";
const USE = `
import { createRun, getRun, getRunEvents, listModels, putDataset } from "./sdk.gen.js";

export async function use(baseUrl: string) {
  const models = await listModels({ baseUrl });
  const model = models.data?.models[0]?.id ?? "";
  const seen: string[] = [];
  let id = "";
  let entropy: number | null = null;
  const { stream } = await createRun({ baseUrl, body: { model, prompt: "She opened the door", interventions: [{ op: "delete", layers: [5] }] } });
  for await (const event of stream) {
    if (!("type" in event)) continue;
    seen.push(event.type);
    if (event.type === "meta") id = event.run_id;
    if (event.type === "layer") entropy = event.readout?.[0]?.entropy_bits ?? null;
  }
  const replayed: string[] = [];
  for await (const event of (await getRunEvents({ baseUrl, path: { id } })).stream) if (event && "type" in event) replayed.push(event.type);
  const run = await getRun({ baseUrl, path: { id } });
  const dataset = await putDataset({ baseUrl, path: { name: "tales" }, body: new Blob(['{"text":"Once"}']) });
  const missing = await getRun({ baseUrl, path: { id: "nope" } });
  return { seen, replayed, entropy, state: run.data?.state, rows: dataset.data?.rows, problem: missing.error?.code };
}
`;

let server: Listening;
let app: TestApp;

beforeAll(async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  execFileSync(process.execPath, [
    "node_modules/.bin/openapi-ts",
    "-i",
    "./openapi/openapi.json",
    "-o",
    `./${FOLDER}`,
    "--silent",
  ]);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync("test/generated/.gitignore", "*\n");
  writeFileSync(`${FOLDER}/use.ts`, USE);
  app = testApp();
  server = await listen((request, bindings) => app.app.fetch(request, bindings), { host: "127.0.0.1", port: 0 });
});

afterAll(async () => {
  await server.stop(true);
});

test("The generated client type-checks in use", () => {
  const flags = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--target",
    "es2024",
    "--lib",
    "es2024,dom,dom.iterable",
  ];
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--ignoreConfig", ...flags, `${FOLDER}/use.ts`], {
    encoding: "utf8",
  });
});

test("The generated client streams a run", async () => {
  const path = new URL(`../generated/client/use.ts`, import.meta.url).href;
  const { use } = (await import(/* @vite-ignore */ path)) as { use(baseUrl: string): Promise<Record<string, unknown>> };
  const used = await use(`http://127.0.0.1:${server.port}`);
  const types = ["meta", ...Array(25).fill("layer"), "result", "done"];
  expect(used).toEqual({ seen: types, replayed: types, entropy: 1.25, state: "completed", rows: 1, problem: "not_found" });
  await until(() => app.services.runs.active === 0);
  expect(app.engine.jobs).toHaveLength(1);
});
