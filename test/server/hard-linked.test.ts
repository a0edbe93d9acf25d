/** A checkpoint whose weights have another name in the file system. */
import { cpSync, linkSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CHECKPOINTS } from "../support/fixtures.ts";
import { startService, type TestService } from "../support/service.ts";

const scratch = mkdtempSync(join(tmpdir(), "stratascope-links-"));
let service: TestService;

beforeAll(async () => {
  for (const name of ["twice", "copied"]) cpSync(join(CHECKPOINTS, "gpt2"), join(scratch, name), { recursive: true });
  linkSync(join(scratch, "twice", "model.safetensors"), join(scratch, "other-name"));
  symlinkSync(resolve(scratch, "copied"), join(scratch, "linked"));
  service = await startService({ MODELS_DIR: scratch, DATA_DIR: mkdtempSync(join(tmpdir(), "stratascope-data-")) });
});
afterAll(async () => {
  await service.stop();
  rmSync(scratch, { recursive: true });
});

const run = (model: string) =>
  fetch(`${service.url}/v1/runs`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ model, tokens: [1, 2] }),
  });

it("Is refused by the file's name, with what helps", async () => {
  const response = await run("twice");
  const answer = (await response.json()) as { code?: string; detail?: string };
  expect([response.status, answer.code, answer.detail]).toEqual([
    422,
    "model_invalid",
    "The model twice cannot be used. model.safetensors has another hard link, and onnxruntime refuses such files: give the model a copy of its own, or a symbolic link.",
  ]);
});

it("A symbolic link is no matter", async () => {
  expect((await run("linked")).status).toBe(200);
});
