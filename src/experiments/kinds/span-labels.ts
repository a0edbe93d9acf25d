/** The two labels of a probe's rows, and whether they suffice. */
import { foldsByText } from "../../metrics/split-by-text.ts";
import { refuse } from "../../runs/tokens.ts";
import type { Label, SpanRow } from "./span-rows.ts";

/** Kept in the study's notes. */
export interface SpanNotes {
  /** What 0 and 1 stand for, and how many rows each has. */
  readonly labels: readonly Label[];
  readonly counts: readonly number[];
}

/** Rows of each label, for every fold. */
const LEAST_PER_FOLD = 2;

/** Rows by label, 0 or 1. Refuses other than two labels, and too few rows of one. */
export function labelsOf(rows: readonly SpanRow[], folds: number): SpanNotes & { readonly values: Uint8Array } {
  const labels = [...new Set(rows.map(({ label }) => label))].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (labels.length !== 2) {
    const some = labels.slice(0, 8).map((label) => JSON.stringify(label));
    refuse(
      "/data",
      `the rows have ${labels.length} ${labels.length === 1 ? "label" : "labels"} (${some.join(", ")}${labels.length > 8 ? ", …" : ""}); a probe tells exactly 2 apart`,
    );
  }
  const values = Uint8Array.from(rows, ({ label }) => labels.indexOf(label));
  const ones = values.reduce((sum, value) => sum + value, 0);
  const counts = [rows.length - ones, ones];
  const least = LEAST_PER_FOLD * folds;
  if (Math.min(...counts) < least) {
    const said = labels.map((label, i) => `${JSON.stringify(label)} has ${counts[i]} ${counts[i] === 1 ? "row" : "rows"}`);
    refuse(
      "/data",
      `the label ${said.join(" and ")}; each needs at least ${least}, ${LEAST_PER_FOLD} for each of ${folds} folds`,
    );
  }
  return { labels, counts, values };
}

/** Every probe needs both labels in its training part. */
export function checkFolds(groups: Int32Array, values: Uint8Array, folds: number, seed: number): void {
  const texts = new Set(groups).size;
  if (texts < folds) refuse("/settings/folds", `the rows have ${texts} texts that share nothing, fewer than the ${folds} folds`);
  for (const { train } of foldsByText(groups, folds, seed))
    if (new Set(Array.from(train, (row) => values[row])).size < 2)
      refuse(
        "/settings/folds",
        "without the texts of one of the folds only one label is left: ask for more folds, or give more texts",
      );
}
