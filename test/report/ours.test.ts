/** The report in docs/paper is what the code makes of the results beside it: nothing of it by hand. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { filesOf, readReport } from "../../src/report/folder/folder.ts";
import { filesIn } from "./written.ts";

const FOLDER = "docs/paper";

it("docs/paper: pages and tables to the byte, and a figure of each name", async () => {
  const files = await filesOf(await readReport(FOLDER));
  expect(filesIn(FOLDER)).toEqual([...files.keys()].sort());
  // Figures may be drawn by another engine's arithmetic.
  for (const [path, text] of files) if (!path.endsWith(".svg")) expect(readFileSync(join(FOLDER, path), "utf8"), path).toBe(text);
});
