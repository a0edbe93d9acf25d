/** The models folder as the server sees it: what is there, what failed and why, and what was mended since. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelInfo } from "../../src/routes/model-info.ts";
import { modelsIn } from "../../src/runs/served-models.ts";
import { writeRandomGpt2 } from "../support/checkpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "stratascope-models-"));
const STOPPED = { state: "stopped", pid: null, restarts: 0, models: [], stats: null, device: "cpu" } as const;
const weights = (id: string) => join(folder, id, "model.safetensors");

beforeAll(() => {
  for (const id of ["good", "short"]) writeRandomGpt2(join(folder, id), { nLayers: 2, dModel: 16, nHeads: 2 });
  truncateSync(weights("short"), 3000);
  mkdirSync(join(folder, "empty"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const stateOf = async (models: ReturnType<typeof modelsIn>, id: string) => {
  const listed = (await models.list()).find((model) => model.id === id);
  if (!listed) throw new Error(`${id} is not listed`);
  const { state, problem } = modelInfo(listed, STOPPED);
  return { state, detail: problem?.detail ?? null };
};

test("every folder with a config.json is listed, and only those", async () => {
  expect((await modelsIn(folder).list()).map(({ id }) => id)).toEqual(["good", "short"]);
});

test("a checkpoint that could not be opened shows as failed, with the reason, until its files change", async () => {
  const models = modelsIn(folder);
  expect(await stateOf(models, "short")).toEqual({ state: "available", detail: null });
  await expect(models.get("short")).rejects.toMatchObject({ code: "model_invalid" });
  expect(await stateOf(models, "short")).toEqual({ state: "failed", detail: expect.stringContaining("the file has") });
  expect(await stateOf(models, "good")).toEqual({ state: "available", detail: null });

  copyFileSync(weights("good"), weights("short"));
  utimesSync(weights("short"), 1, 1);
  expect(await stateOf(models, "short")).toEqual({ state: "available", detail: null });
  expect(await models.get("short")).toMatchObject({ id: "short", nLayers: 2 });
});

test("a model that is not there is refused with those that are", async () => {
  await expect(modelsIn(folder).get("large")).rejects.toThrow('There is no model "large". There are: good, short.');
});
