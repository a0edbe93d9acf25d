/** Stage 2, feature engineering: the lens stands still while attention writes (figures 6 left and 5). */
import type { ExperimentResult } from "../../experiments/result.ts";
import { between, highest, type Measured, meanOf, measuredBy } from "../results/measured.ts";
import { resultOf } from "../results/outcome.ts";
import { percent, withUnit } from "../text/numbers.ts";
import { type Claim, type Remark, verdictOf } from "./claim.ts";

/** Of the way from the first block to the output: so little is flat, and so much no longer. */
const FLAT = 1 / 3;
const HALF = 1 / 2;

export interface LensFall {
  /** KL(final‖layer) after the first block, after half of the blocks, in nats; at the end it is 0. */
  readonly start: Measured;
  readonly half: Measured;
  /** Of the way to 0, what the first half has done. May be negative. */
  readonly fallen: number;
  /** Between two neighbours in the second half: the layer that takes most, and its share of the way. */
  readonly steepest: { readonly layer: number; readonly share: number };
}

/** How the lens comes down. null: too few layers. */
export function lensFall(result: ExperimentResult): LensFall | null {
  const layers = result.model.n_layers;
  const all = measuredBy(result, "kl_final_nats").filter(({ at }) => at >= 0);
  const [start] = all;
  const middle = Math.ceil(layers / 2) - 1;
  const half = all.find(({ at }) => at === middle);
  if (!start || !half || middle < 1 || start.mean <= 0) return null;
  const steps = all.slice(1).map(({ at, mean }, i) => ({ at, mean: (all[i] as Measured).mean - mean }));
  const steepest = highest(steps);
  if (!steepest) return null;
  return {
    start,
    half,
    fallen: (start.mean - half.mean) / start.mean,
    steepest: { layer: steepest.at, share: steepest.mean / start.mean },
  };
}

const flatLens: Claim = {
  id: "flat-lens",
  says: "Over the first half of the layers their own predictions hardly come nearer to the final ones.",
  criterion: "of the divergence after the first block at most a third is gone after half of the layers (in part: at most half)",
  judge(of) {
    const result = resultOf(of, "logit-lens");
    const fall = result && lensFall(result);
    if (!fall) return null;
    const { start, half, fallen } = fall;
    const frozen = resultOf(of, "logit-lens-frozen-norm");
    const other = frozen && lensFall(frozen);
    const went =
      fallen >= 0
        ? `${percent(fallen)} of the way to the end is done by half of the depth`
        : "over the first half it does not fall, it rises";
    return {
      verdict: verdictOf(fallen <= HALF, fallen <= FLAT),
      short: fallen >= 0 ? `${percent(fallen)} of the fall` : "rises",
      sentence:
        `KL(final‖layer) is ${withUnit(start.mean, "nats")} after the first block and ${withUnit(half.mean, "nats")} after layer ${half.at}: ${went}` +
        `${fallen <= FLAT ? "" : fallen <= HALF ? ", which is not quite flat" : ", so it is not flat"}` +
        `${other ? `. The lens of the paper’s first version (frozen norm) has ${withUnit(other.start.mean, "nats")} and ${withUnit(other.half.mean, "nats")}${other.fallen >= 0 ? `, ${percent(other.fallen)} of the way` : ""}` : ""}.`,
    };
  },
};

/** attn / (attn + mlp), by quarters of the depth. */
const shareByQuarters: Remark = (of) => {
  const result = resultOf(of, "component-norms");
  if (!result || result.model.n_layers < 8) return null;
  const layers = result.model.n_layers;
  const quarter = (statistic: string, i: number) => between(measuredBy(result, statistic), layers, i / 4, (i + 1) / 4);
  const shares = [0, 1, 2, 3].map((i) => {
    const [attn, mlp] = [meanOf(quarter("attn_out_norm", i)), meanOf(quarter("mlp_out_norm", i))];
    return attn / (attn + mlp);
  });
  if (!shares.every(Number.isFinite)) return null;
  const [a = 0, b = 0, c = 0, d = 0] = shares;
  return `By quarters of the depth attention’s share of the two norms is ${percent(a)}, ${percent(b)}, ${percent(c)} and ${percent(d)}.`;
};

export const STAGE_TWO_CLAIMS: readonly Claim[] = [flatLens];
export const STAGE_TWO_REMARKS: readonly Remark[] = [shareByQuarters];
