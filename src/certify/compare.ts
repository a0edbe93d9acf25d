/** Two runs against each other, number by number. */
import type { LayerEvent, ReadoutRows } from "../engine/protocol.ts";
import type { Tally } from "./finding.ts";
import { finalOf, layerOf, type Observed } from "./lab.ts";

/** Every number of two read-outs. */
export function compareReadouts(
  tally: Tally,
  where: string,
  a: ReadoutRows | null | undefined,
  b: ReadoutRows | null | undefined,
): void {
  const fields = [
    "topIds",
    "topLogprobs",
    "topRows",
    "entropyBits",
    "followedLogits",
    "followedLogprobs",
    "followedRanks",
  ] as const;
  for (const field of fields) tally.compare(where, present(a?.[field]), present(b?.[field]));
}

/** What steps show of the stream: its numbers, its norms, its read-out, as far as either run has them. */
export function compareLayers(tally: Tally, where: string, a: LayerEvent | undefined, b: LayerEvent | undefined): void {
  if (a?.residual || b?.residual) tally.compare(where, a?.residual, b?.residual);
  if (a?.readout || b?.readout) compareReadouts(tally, where, a?.readout, b?.readout);
  for (const field of ["attnOut", "mlpOut", "residPost"] as const) {
    const [one, other] = [a?.norms?.[field], b?.norms?.[field]];
    if (one || other) tally.compare(where, one, other);
  }
}

/** Two runs of as many steps: every step, and the end. */
export function compareRuns(tally: Tally, where: string, a: Observed, b: Observed, [one, other] = [0, 0]): void {
  const steps = Math.max(...a.layers.map(({ step }) => step), ...b.layers.map(({ step }) => step));
  for (let step = 0; step <= steps; step++)
    compareLayers(tally, `${where}, step ${step}`, layerOf(a, step, one), layerOf(b, step, other));
  compareReadouts(tally, where, finalOf(a, one), finalOf(b, other));
}

/** Logits of what does not exist (after the prompt's last token) are NaN on both sides. */
function present(values: ArrayLike<number> | undefined): number[] | undefined {
  return values && Array.from(values, (value) => (Number.isNaN(value) ? 0 : value));
}
