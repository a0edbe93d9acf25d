/** Reports written into folders of their own, which go with the test file. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { writeReport } from "../../src/report/folder/folder.ts";
import type { ModelOutcomes } from "../../src/report/results/outcome.ts";

export const COMMAND = "stratascope paper a b";
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "stratascope-report-"));
  folders.push(folder);
  return folder;
}

/** The folder of a report of these models, its page and its README. */
export async function written(models: readonly ModelOutcomes[], folder = newFolder()) {
  const page = await writeReport(folder, { models, command: COMMAND });
  return { folder, page: readFileSync(page, "utf8"), readme: readFileSync(join(folder, "README.md"), "utf8") };
}

/** Every file of a folder, by its path in it. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();
}

/** Text of every file, by path. */
export function contentsOf(folder: string): Record<string, string> {
  return Object.fromEntries(filesIn(folder).map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

/** The same model with these experiments alone. */
export function only({ model, outcomes }: ModelOutcomes, ...ids: readonly string[]): ModelOutcomes {
  return { model, outcomes: new Map([...outcomes].filter(([id]) => ids.includes(id))) };
}
