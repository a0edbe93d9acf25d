/** The letters that are shipped, so that a container without fonts draws the same figure as any other machine. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type Advances, advancesOf } from "./true-type.ts";

const require = createRequire(import.meta.url);

/** Plain and bold. Condensed: as wide as Helvetica and Arial. */
export const FONT_FILES = ["DejaVuSansCondensed", "DejaVuSansCondensed-Bold"].map((name) =>
  require.resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`),
);

/** The family that the files themselves say they are. */
export const FONT_FAMILY = "DejaVu Sans Condensed";

/** Widths of plain and of bold letters. */
export async function readAdvances(): Promise<{ readonly plain: Advances; readonly bold: Advances }> {
  const [plain, bold] = await Promise.all(FONT_FILES.map(async (file) => advancesOf(await readFile(file))));
  return { plain: plain as Advances, bold: bold as Advances };
}
