/** What one side of the run's table says of one step, and how wide each of its cells is. */
import type { LayerEvent } from "../../schemas/events.ts";
import { bits, measure, percent } from "./numbers.ts";
import { bar, left, right, tokenText } from "./text.ts";
import type { View } from "./view.ts";

/** Columns of one side, in order; `bar` and `resid` only where there is room, and entropy not where there is hardly any. */
export interface SideLayout {
  readonly label: number;
  readonly token: number;
  readonly bar: number;
  readonly entropy: number;
  readonly norms: readonly ("attn_out" | "mlp_out" | "resid_post")[];
  /** Headings of the tokens followed that there is room for, the first ones. */
  readonly targets: readonly string[];
  readonly width: number;
}

const PERCENT = 4;
const ENTROPY = 4;
const NORM = 5;
/** Of a token followed: its probability and its rank, and a space more that keeps them apart from what is before. */
const RANK = 6;
const TARGET = 1 + PERCENT + 1 + RANK;
const NORM_NAMES = { attn_out: "attn", mlp_out: "mlp", resid_post: "resid" } as const;
const BAR = 8;
const LEAST_TOKEN = 8;
const MOST_TOKEN = 18;

/**
 * Fits a side into `room` columns: `targets` first, where tokens are followed, the norms of both components, then a bar, then
 * the stream's norm.
 */
export function sideLayout(room: number, label: number, hasNorms: boolean, followed: readonly string[] = []): SideLayout {
  let token = room - label - 1 - 1 - PERCENT;
  const take = (columns: number, least: number) => {
    if (token - columns < least) return false;
    token -= columns;
    return true;
  };
  const entropy = take(ENTROPY + 1, LEAST_TOKEN) ? ENTROPY : 0;
  const targets = followed.filter(() => take(TARGET + 1, LEAST_TOKEN));
  const norms: ("attn_out" | "mlp_out" | "resid_post")[] = [];
  if (hasNorms && take(2 * (NORM + 1), LEAST_TOKEN)) norms.push("attn_out", "mlp_out");
  const barWidth = take(BAR + 1, LEAST_TOKEN + 2) ? BAR : 0;
  if (norms.length > 0 && take(NORM + 1, LEAST_TOKEN + 2)) norms.push("resid_post");
  token = Math.max(4, Math.min(MOST_TOKEN, token));
  const optional = (columns: number) => (columns ? columns + 1 : 0);
  const behind = targets.length * (TARGET + 1) + norms.length * (NORM + 1);
  const width = label + 1 + token + optional(barWidth) + 1 + PERCENT + optional(entropy) + behind;
  return { label, token, bar: barWidth, entropy, norms, targets, width };
}

/** The headings over a side. */
export function sideHead(layout: SideLayout): string {
  const cells = [right("layer", layout.label), left("predicts", layout.token)];
  if (layout.bar) cells.push(" ".repeat(layout.bar));
  cells.push(right("p", PERCENT));
  if (layout.entropy) cells.push(right("bits", layout.entropy));
  cells.push(...layout.targets.map((name) => right(name, TARGET)));
  cells.push(...layout.norms.map((name) => right(NORM_NAMES[name], NORM)));
  return cells.join(" ");
}

/** What the columns mean, in a line. */
export function sideLegend({ entropy, norms, targets }: SideLayout): string {
  const written = norms.filter((name) => name !== "resid_post").map((name) => NORM_NAMES[name]);
  return [
    "p: probability",
    ...(entropy ? ["bits: entropy"] : []),
    ...(targets.length > 0 ? [`${targets.join(", ")}: probability and rank`] : []),
    ...(written.length > 0 ? [`${written.join(", ")}: norms written`] : []),
    ...(norms.includes("resid_post") ? ["resid: norm of the stream"] : []),
  ].join("; ");
}

/** How a step compares with the one on the other side: as the baseline is; the same numbers; another token on top. */
export type Likeness = "plain" | "same" | "unlike";

/** Stands behind a token where a row of padding is likelier than it. */
export const PADDED = "⁺";

/** One step of a side. */
export function sideCells(
  layout: SideLayout,
  label: string,
  event: LayerEvent,
  position: number,
  likeness: Likeness,
  view: View,
): string {
  const { bold, cyan, dim, yellow } = view.colours;
  const readout = event.readout?.find((one) => one.position === position);
  const norms = event.norms?.find((one) => one.position === position);
  const top = readout?.top[0];
  const token = left(top ? `${tokenText(top.text)}${readout.top_is_padding ? PADDED : ""}` : "", layout.token);
  const cells = [right(label, layout.label), token];
  const drawn = layout.bar ? left(bar(Math.exp(top?.logprob ?? Number.NEGATIVE_INFINITY), layout.bar), layout.bar) : null;
  const numbers = [right(readout ? percent(top?.logprob ?? null) : "", PERCENT)];
  if (layout.entropy) numbers.push(right(readout ? bits(readout.entropy_bits) : "", layout.entropy));
  const followed = layout.targets.map((_, i) => {
    const target = readout?.targets?.[i];
    return right(target ? `${right(percent(target.logprob), PERCENT)} ${right(`#${target.rank}`, RANK)}` : "", TARGET);
  });
  numbers.push(...followed);
  const written = layout.norms.map((name) => right(norms ? measure(norms[name]) : "", NORM));
  if (likeness === "same") return dim([...cells, ...(drawn === null ? [] : [drawn]), ...numbers, ...written].join(" "));
  return [
    dim(cells[0] as string),
    likeness === "unlike" ? bold(yellow(token)) : bold(token),
    ...(drawn === null ? [] : [cyan(drawn)]),
    ...numbers,
    ...written.map(dim),
  ].join(" ");
}
