/** The hub's cache as other programs leave it, whole and half. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findModel, folderName, listModels, modelId } from "../../../src/engine/checkpoint/catalogue.ts";

const root = mkdtempSync(join(tmpdir(), "stratascope-cache-"));
const cache = join(root, "hub");
const models = join(root, "models");
const [A, B, C] = ["a", "b", "c"].map((digit) => digit.repeat(40)) as [string, string, string];

function snapshot(repo: string, commit: string, files: readonly string[]): string {
  const folder = join(cache, repo, "snapshots", commit);
  mkdirSync(folder, { recursive: true });
  for (const file of files) writeFileSync(join(folder, file), "{}");
  return folder;
}

function ref(repo: string, name: string, commit: string): void {
  mkdirSync(join(cache, repo, "refs", name, ".."), { recursive: true });
  writeFileSync(join(cache, repo, "refs", name), commit);
}

beforeAll(() => {
  const whole = ["config.json", "model.safetensors"];
  snapshot("models--org--two", A, whole);
  snapshot("models--org--two", B, ["config.json", "model.safetensors.index.json"]);
  snapshot("models--org--two", C, whole);
  ref("models--org--two", "main", A);
  ref("models--org--two", "refs/pr/1", `${B}\n`);
  snapshot("models--org--no-weights", A, ["config.json", "pytorch_model.bin"]);
  ref("models--org--no-weights", "main", A);
  snapshot("models--org--no-snapshot", A, whole);
  ref("models--org--no-snapshot", "main", B);
  ref("models--org--wrong-ref", "main", "../../../elsewhere");
  snapshot("models--single", A, whole);
  ref("models--single", "main", A);
  snapshot("models--mine", A, whole);
  ref("models--mine", "main", A);
  snapshot("datasets--org--texts", A, whole);
  mkdirSync(join(cache, "models--org--broken", "snapshots"), { recursive: true });
  symlinkSync("nowhere", join(cache, "models--org--broken", "refs"));
  mkdirSync(join(models, "mine"), { recursive: true });
  writeFileSync(join(models, "mine", "config.json"), "{}");
});
afterAll(() => rmSync(root, { recursive: true }));

test("a model a branch or tag, then commits that have no name; folders of one's own go first", () => {
  expect(listModels(models, cache).map(({ id }) => id)).toEqual([
    "mine",
    `org--no-snapshot@${A}`,
    "org--two",
    "org--two@refs--pr--1",
    `org--two@${C}`,
    "single",
  ]);
  expect(findModel(models, "mine", cache)).toBe(join(models, "mine"));
});

test("every name that the list has is found, and the revision that it names", () => {
  for (const { id, folder } of listModels(models, cache)) expect(findModel(models, id, cache)).toBe(folder);
  expect(findModel(models, "org--two@refs/pr/1", cache)).toBe(join(cache, "models--org--two/snapshots", B));
  expect(findModel(models, `org--two@${B}`, cache)).toBe(join(cache, "models--org--two/snapshots", B));
});

test("what is half there, or leads elsewhere, is no model", () => {
  for (const id of [
    "org--no-weights",
    "org--no-snapshot",
    "org--wrong-ref",
    "org--broken",
    "org--none",
    "org--two@v2",
    "org--texts",
    "..--hub",
    "org--two@../main",
  ])
    expect(findModel(models, id, cache)).toBeUndefined();
});

test("without a cache, or with one that is missing, there are one's own", () => {
  expect(listModels(models).map(({ id }) => id)).toEqual(["mine"]);
  expect(listModels(models, join(root, "none")).map(({ id }) => id)).toEqual(["mine"]);
  expect(findModel(models, "org--two")).toBeUndefined();
});

test("one spelling of every name, and names for people rather than commits", () => {
  for (const name of ["org/two", "org--two", "org/two@main", "org--two@main"]) expect(modelId(name)).toBe("org--two");
  for (const name of ["prose-6m", "../x", "a b", "a/b/c"]) expect(modelId(name)).toBe(name);
  expect(folderName(join(cache, "models--org--two/snapshots", A))).toBe("org--two");
  expect(folderName(join(models, "mine"))).toBe("mine");
});
