/** What a data set holds, found by reading all of it once. */
import { setImmediate } from "node:timers/promises";
import type { Dataset } from "./dataset.ts";
import type { DatasetCounts } from "./stored.ts";

export interface DatasetFacts extends DatasetCounts {
  /** Of the first row, in its order; the first ones of many. */
  readonly fields: readonly string[];
  /** Where the first row's text begins; null: it has none. */
  readonly preview: string | null;
}

/** Shown of a row, however large it is. */
const SHOWN = { fields: 50, fieldChars: 100, textChars: 200 } as const;
/** Bytes parsed before others get their turn, about: some milliseconds. */
const BYTES_PER_TURN = 2 ** 20;

/** Looks at every row. Throws `invalid_request`, naming the line, at the first that cannot be used. */
export async function factsOf({ rows, bytes }: Pick<Dataset, "rows" | "bytes">): Promise<DatasetFacts> {
  const rowsPerTurn = Math.max(1, Math.floor((BYTES_PER_TURN * rows.length) / Math.max(1, bytes)));
  let texts = 0;
  for (let i = 0; i < rows.length; i++) {
    if (typeof rows[i]?.text === "string" || Array.isArray(rows[i]?.messages)) texts++;
    if (i % rowsPerTurn === rowsPerTurn - 1) await setImmediate();
  }
  const first = rows[0] ?? {};
  return {
    rows: rows.length,
    texts,
    fields: Object.keys(first)
      .slice(0, SHOWN.fields)
      .map((name) => beginning(name, SHOWN.fieldChars)),
    preview: typeof first.text === "string" ? beginning(first.text, SHOWN.textChars) : null,
  };
}

/** Whole characters only, and … for what is left out. */
function beginning(text: string, chars: number): string {
  const characters = Array.from(text.slice(0, 2 * chars + 2));
  return characters.length > chars ? `${characters.slice(0, chars).join("")}…` : text;
}
