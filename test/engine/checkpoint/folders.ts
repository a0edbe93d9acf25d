import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { Problem } from "../../../src/problem.ts";

export const ROOT = join(import.meta.dirname, "../../..");
export const GPT2 = join(ROOT, "test/fixtures/checkpoints/gpt2");
export const GPT2_HUB = join(ROOT, "test/fixtures/checkpoints/gpt2-hub");
export const PROSE = join(ROOT, "models/prose-6m");

/** An empty folder of the name "model", gone after the test. */
export function emptyFolder(): string {
  const parent = mkdtempSync(join(tmpdir(), "stratascope-"));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  const folder = join(parent, "model");
  mkdirSync(folder);
  return folder;
}

/** A fixture's folder, copied to be changed. */
export function copyOf(source: string): string {
  const folder = emptyFolder();
  cpSync(source, folder, { recursive: true });
  return folder;
}

/** Changes a JSON file of a folder. */
export function editJson(folder: string, name: string, edit: (value: Record<string, unknown>) => void): void {
  const value = JSON.parse(readFileSync(join(folder, name), "utf8")) as Record<string, unknown>;
  edit(value);
  writeFileSync(join(folder, name), JSON.stringify(value));
}

/** What the model "model" is refused with; "" if it is not. */
export function refusalOf(open: () => unknown): string {
  try {
    open();
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "model_invalid") throw error;
    const text = /^The model model cannot be used\. (.*)\.$/s.exec(error.message)?.[1];
    if (text === undefined) throw error;
    return text;
  }
  return "";
}
