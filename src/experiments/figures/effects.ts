/** What a change does to the predictions: the statistics that several kinds share, and how each is drawn. */
import type { ScaleKind } from "./axes.ts";

export interface Effect {
  readonly statistic: string;
  readonly title: string;
  /** For panels of half the width. */
  readonly short: string;
  /** The axis's title, with the unit. */
  readonly axis: string;
  readonly scale: ScaleKind;
}

export const DIVERGENCE: Effect = {
  statistic: "kl_nats",
  title: "Divergence from the untouched model's predictions",
  short: "Divergence",
  axis: "KL(p‖q) (nats)",
  scale: "log",
};
export const AGREEMENT: Effect = {
  statistic: "top1_agreement",
  title: "Top-1 predictions kept",
  short: "Top-1 kept",
  axis: "share of predictions",
  scale: "share",
};
export const ENTROPY_CHANGE: Effect = {
  statistic: "entropy_change_bits",
  title: "Change of entropy",
  short: "Change of entropy",
  axis: "H(q) − H(p) (bits)",
  scale: "linear",
};
export const LOSS_CHANGE: Effect = {
  statistic: "loss_change_nats",
  title: "Change of loss",
  short: "Change of loss",
  axis: "loss change (nats)",
  scale: "linear",
};

/** (a), (b), … before the titles of a figure's panels. */
export function lettered(index: number, title: string): string {
  return `(${String.fromCharCode(97 + index)}) ${title}`;
}
