import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findModel, listModels } from "../../../src/engine/checkpoint/catalogue.ts";
import { emptyFolder, GPT2, ROOT } from "./folders.ts";

function folderOfModels(): string {
  const folder = emptyFolder();
  for (const name of ["b", "a", ".hidden", "empty"]) mkdirSync(join(folder, name));
  for (const name of ["b", "a", ".hidden"]) writeFileSync(join(folder, name, "config.json"), "{}");
  writeFileSync(join(folder, "config.json"), "{}");
  return folder;
}

test("lists the folders that hold a config.json, by name", () => {
  const folder = folderOfModels();
  expect(listModels(folder)).toEqual([
    { id: "a", folder: join(folder, "a") },
    { id: "b", folder: join(folder, "b") },
  ]);
  expect(listModels(join(ROOT, "models"))).toEqual([{ id: "prose-6m", folder: join(ROOT, "models/prose-6m") }]);
});

test("a link to a model's folder is a model", () => {
  const folder = emptyFolder();
  symlinkSync(GPT2, join(folder, "linked"));
  expect(findModel(folder, "linked")).toBe(join(folder, "linked"));
});

test("a folder that is missing, or a file, holds no models", () => {
  const folder = folderOfModels();
  expect(listModels(join(folder, "gone"))).toEqual([]);
  expect(listModels(join(folder, "config.json"))).toEqual([]);
  expect(findModel(join(folder, "gone"), "a")).toBeUndefined();
});

test("finds by the exact name, and nothing outside of the folder", () => {
  const folder = folderOfModels();
  expect(findModel(folder, "a")).toBe(join(folder, "a"));
  for (const id of ["", ".", "..", "../model", "a/", "a/../b", "/a", "a\\", "A", "empty", ".hidden", "a\0", join(folder, "a")]) {
    expect(findModel(folder, id)).toBeUndefined();
    expect(findModel(join(folder, "a"), id)).toBeUndefined();
  }
});
