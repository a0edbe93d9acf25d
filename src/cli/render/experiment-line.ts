/** How far an experiment is, on one line. */
import type { ExperimentProgress } from "../../schemas/experiments/experiment.ts";
import { bar, left } from "./text.ts";
import type { View } from "./view.ts";

const BAR = { alone: 28, labelled: 14 } as const;
const LABEL = 24;

/** `label`: what it is the progress of, where there are several. */
export function experimentLine(
  { done, total, rate_per_second, eta_seconds }: ExperimentProgress,
  view: View,
  label?: string,
): string {
  const { cyan, dim } = view.colours;
  const width = label === undefined ? BAR.alone : BAR.labelled;
  const drawn = left(bar(total > 0 ? done / total : 0, width), width);
  const name = label === undefined ? "" : `   ${left(label, LABEL)}`;
  const rate = rate_per_second === null ? "" : `  ${short(rate_per_second)} a second`;
  const eta = eta_seconds === null || done >= total ? "" : `  ${duration(eta_seconds)} left`;
  return `${name} ${cyan(drawn)} ${dim(`${done} of ${total}${rate}${eta}`)}`;
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(2);
}

/** 5 s, 3 min, 2 h 5 min. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
