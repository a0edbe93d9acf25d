/** Comparisons token by token: how they are kept, and the rows that they make. */
import { refuse } from "../../runs/tokens.ts";
import type { TextTokenizer } from "../../tokenizer/tokenizer.ts";
import type { TextsInput } from "../chunks.ts";
import type { Column, ResultRow } from "../result.ts";
import type { Observed } from "../statistics.ts";
import { firstPosition, type Study } from "../study.ts";
import { COMPARISON_STATISTICS } from "./comparisons.ts";

/** Rows of one experiment, 16 bytes each where they are kept: 256 MiB in all. */
const MAX_TOKEN_ROWS = 16_777_216;

export const TOKEN_COLUMNS: readonly Column[] = [
  { name: "text", type: "int", description: "number among the texts used" },
  { name: "variant", type: "string", description: "" },
  { name: "position", type: "int", description: "in the text, BOS included" },
  { name: "token_id", type: "int", description: "of the token there; the numbers are of the one predicted after it" },
  { name: "token", type: "string", description: "its text" },
  { name: "kl_nats", type: "float", description: "KL(p‖q), p the untouched model" },
  { name: "top1_agreement", type: "boolean", description: "whether the top token is the same" },
  { name: "entropy_change_bits", type: "float", description: "H(q) − H(p)" },
  { name: "loss_change_nats", type: "float", description: "−ln q + ln p of the next token; null: there is none" },
];

/** Refuses, at the field that asks for them, more rows than can be kept. */
export function checkTokenRows(rows: number, pointer: string): void {
  if (rows > MAX_TOKEN_ROWS)
    refuse(
      pointer,
      `a row per token would be ${rows} rows (texts × variants × tokens), more than the most allowed, ${MAX_TOKEN_ROWS}`,
    );
}

/**
 * Values of the first so many cells of every text. [text, variant, statistic, counted position], each text with as many
 * positions as it has; NaN: no next token.
 */
export function tokenValues(observed: readonly Observed[], variants: number): Float32Array {
  const texts = observed.map((values) => {
    const columns = values.slice(0, variants * COMPARISON_STATISTICS.length);
    const width = columns[0]?.length ?? 0;
    const all = new Float32Array(columns.length * width).fill(Number.NaN);
    for (const [at, column] of columns.entries()) all.set(column, at * width);
    return all;
  });
  const all = new Float32Array(texts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const values of texts) {
    all.set(values, at);
    at += values.length;
  }
  return all;
}

interface TokenValues {
  readonly variants: readonly string[];
  /** As `tokenValues` has them. */
  readonly values: Float32Array;
}

/** The rows of one chunk, by text, variant and position. */
export function tokenRows(
  study: Pick<Study, "prependBos">,
  { first, texts }: TextsInput,
  { variants, values }: TokenValues,
  tokenizer: Pick<TextTokenizer, "text">,
): ResultRow[] {
  const from = firstPosition(study);
  const width = variants.length * COMPARISON_STATISTICS.length;
  let start = 0;
  return texts.flatMap((text, i) => {
    const counted = text.length - from;
    const own = values.subarray(start, start + width * counted);
    start += own.length;
    return variants.flatMap((variant, v) =>
      Array.from(text.subarray(from), (id, at): ResultRow => {
        const value = (statistic: number) => own[(v * COMPARISON_STATISTICS.length + statistic) * counted + at] as number;
        const loss = value(3);
        return {
          ...{ text: first + i, variant, position: from + at, token_id: id, token: tokenizer.text(id) },
          ...{ kl_nats: value(0), top1_agreement: value(1) === 1, entropy_change_bits: value(2) },
          loss_change_nats: Number.isNaN(loss) ? null : loss,
        };
      }),
    );
  });
}
