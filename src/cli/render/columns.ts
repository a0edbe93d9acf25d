/** What one side of the run's table says of one step, and how wide each of its cells is. */
import type { LayerEvent } from "../../schemas/events.ts";
import { bits, measure, percent } from "./numbers.ts";
import { bar, left, right, tokenText } from "./text.ts";
import type { View } from "./view.ts";

/** Columns of one side, in order; `bar` and `resid` only where there is room. */
export interface SideLayout {
  readonly label: number;
  readonly token: number;
  readonly bar: number;
  readonly norms: readonly ("attn_out" | "mlp_out" | "resid_post")[];
  readonly width: number;
}

const PERCENT = 4;
const ENTROPY = 4;
const NORM = 5;
const NORM_NAMES = { attn_out: "attn", mlp_out: "mlp", resid_post: "resid" } as const;
const BAR = 8;
const LEAST_TOKEN = 8;
const MOST_TOKEN = 18;

/** Fits a side into `room` columns: the norms of both components first, then a bar, then the stream's norm. */
export function sideLayout(room: number, label: number, hasNorms: boolean): SideLayout {
  let token = room - label - 1 - 1 - PERCENT - 1 - ENTROPY;
  const take = (columns: number, least: number) => {
    if (token - columns < least) return false;
    token -= columns;
    return true;
  };
  const norms: ("attn_out" | "mlp_out" | "resid_post")[] = [];
  if (hasNorms && take(2 * (NORM + 1), LEAST_TOKEN)) norms.push("attn_out", "mlp_out");
  const barWidth = take(BAR + 1, LEAST_TOKEN + 2) ? BAR : 0;
  if (norms.length > 0 && take(NORM + 1, LEAST_TOKEN + 2)) norms.push("resid_post");
  token = Math.max(4, Math.min(MOST_TOKEN, token));
  const width = label + 1 + token + (barWidth ? barWidth + 1 : 0) + 1 + PERCENT + 1 + ENTROPY + norms.length * (NORM + 1);
  return { label, token, bar: barWidth, norms, width };
}

/** The headings over a side. */
export function sideHead(layout: SideLayout): string {
  const cells = [right("layer", layout.label), left("predicts", layout.token)];
  if (layout.bar) cells.push(" ".repeat(layout.bar));
  cells.push(right("p", PERCENT), right("bits", ENTROPY), ...layout.norms.map((name) => right(NORM_NAMES[name], NORM)));
  return cells.join(" ");
}

/** One step of a side; `unlike` marks a token that the other side does not have. */
export function sideCells(
  layout: SideLayout,
  label: string,
  event: LayerEvent,
  position: number,
  unlike: boolean,
  view: View,
): string {
  const { bold, cyan, dim, yellow } = view.colours;
  const readout = event.readout?.find((one) => one.position === position);
  const norms = event.norms?.find((one) => one.position === position);
  const top = readout?.top[0];
  const token = left(top ? tokenText(top.text) : "", layout.token);
  const cells = [dim(right(label, layout.label)), unlike ? bold(yellow(token)) : bold(token)];
  if (layout.bar) cells.push(cyan(left(bar(Math.exp(top?.logprob ?? Number.NEGATIVE_INFINITY), layout.bar), layout.bar)));
  cells.push(
    right(readout ? percent(top?.logprob ?? null) : "", PERCENT),
    right(readout ? bits(readout.entropy_bits) : "", ENTROPY),
  );
  for (const name of layout.norms) cells.push(dim(right(norms ? measure(norms[name]) : "", NORM)));
  return cells.join(" ");
}
