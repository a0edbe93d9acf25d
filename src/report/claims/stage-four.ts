/** Stage 4, residual sharpening, later called calibration: suppression neurons, entropy (figure 8), MLP norms (7). */

import { depthOf, highest, type Measured, measuredBy } from "../results/measured.ts";
import { resultOf } from "../results/outcome.ts";
import { change, grouped, measure, withUnit } from "../text/numbers.ts";
import { type Claim, type Remark, verdictOf } from "./claim.ts";
import { countsOf, sumOf } from "./stage-three.ts";

/** Relative depth from which on layers are the last ones. */
const LATE = 0.75;
const LAST = 0.85;

const suppressionNeurons: Claim = {
  id: "suppression-neurons",
  says: "In the last layers, neurons that speak against tokens (suppression neurons) outnumber prediction neurons.",
  criterion:
    "the layer with most suppression neurons lies in the last quarter, and the last layer has more of them than prediction neurons (in part: one of the two)",
  judge(of) {
    const result = resultOf(of, "neuron-census");
    if (!result) return null;
    const [prediction, suppression] = [countsOf(result, "prediction"), countsOf(result, "suppression")];
    const layers = result.model.n_layers;
    if (!prediction || !suppression || layers < 3) return null;
    const all = sumOf(suppression);
    if (all === 0)
      return { verdict: "not-shown", short: "none", sentence: "The census finds no suppression neurons in any layer." };
    const peak = highest(suppression) as Measured;
    const [against, for_] = [suppression.at(-1)?.mean ?? 0, prediction.at(-1)?.mean ?? 0];
    return {
      verdict: verdictOf(depthOf(peak.at, layers) >= LATE, against > for_),
      short: `last layer: ${grouped(against)} against, ${grouped(for_)} for`,
      sentence:
        `There are ${grouped(all)} suppression neurons, most of them in layer ${peak.at} (${grouped(peak.mean)}); ` +
        `the last layer has ${grouped(against)}, and ${grouped(for_)} prediction neurons${against > for_ ? "" : ": they do not outnumber them"}.`,
    };
  },
};

const entropy: Claim = {
  id: "sharpening",
  says: "The last layer sharpens the prediction: its entropy falls (the first version; later ones say that it is calibrated).",
  criterion: "the entropy of the lens falls over the last block, beyond its 95 % interval (in part: the means alone)",
  judge(of) {
    const result = resultOf(of, "logit-lens");
    if (!result) return null;
    const all = measuredBy(result, "entropy_bits");
    const [before, after] = all.slice(-2);
    const peak = highest(all.filter(({ at }) => at >= 0));
    if (!before || !after || !peak) return null;
    const difference = after.mean - before.mean;
    const reach = 1.96 * Math.hypot(before.sem ?? 0, after.sem ?? 0);
    const frozen = resultOf(of, "logit-lens-frozen-norm");
    const [otherBefore, otherAfter] = frozen ? measuredBy(frozen, "entropy_bits").slice(-2) : [];
    const other = otherBefore && otherAfter ? otherAfter.mean - otherBefore.mean : null;
    return {
      verdict: verdictOf(difference < 0, difference < -reach),
      short: `${change(difference)} bits`,
      sentence:
        `Over the last block the entropy goes from ${withUnit(before.mean, "bits")} to ${withUnit(after.mean, "bits")} (${change(difference)}): ` +
        `${difference < -reach ? "the prediction gets sharper" : difference > reach ? "the prediction gets flatter, not sharper" : "no change that could be told from none"}` +
        `${other === null ? "" : `. With the first version’s lens it changes by ${change(other)}`}` +
        `${peak.at === after.at ? "" : `. It is highest after layer ${peak.at}, ${withUnit(peak.mean, "bits")}`}.`,
    };
  },
};

const mlpNorms: Claim = {
  id: "mlp-norm",
  says: "The last MLPs write most.",
  criterion: `the largest mean norm of an MLP’s output is at a relative depth of at least ${LAST} (in part: ${LATE})`,
  judge(of) {
    const result = resultOf(of, "component-norms");
    if (!result) return null;
    const layers = result.model.n_layers;
    const all = measuredBy(result, "mlp_out_norm");
    const peak = highest(all);
    const others = highest(all.filter(({ at }) => at !== peak?.at));
    if (!peak || !others || layers < 3) return null;
    const depth = depthOf(peak.at, layers);
    const end = all.at(-1) as Measured;
    return {
      verdict: verdictOf(depth >= LATE, depth >= LAST),
      short: `largest at ${peak.at} of ${layers}`,
      sentence:
        `The MLP of layer ${peak.at} writes most, a norm of ${measure(peak.mean)}; the next, of layer ${others.at}, ${measure(others.mean)}` +
        `${end.at === peak.at || end.at === others.at ? "" : `, the last one ${measure(end.mean)}`}.`,
    };
  },
};

/** Partition neurons are counted beside the others; in narrow models the bound says nothing. */
const partition: Remark = (of) => {
  const result = resultOf(of, "neuron-census");
  if (!result) return null;
  const counts = measuredBy(result, "partition_count");
  if (counts.length === 0) return null;
  const bound = Number(result.settings.variance_above ?? 0.005);
  const random = 1 / result.model.d_model;
  if (random > bound)
    return `Partition neurons cannot be counted here: a random direction of ${result.model.d_model} dimensions has a variance of ${measure(random)}, more than the bound of ${bound}.`;
  const peak = highest(counts) as Measured;
  return `Partition neurons: ${grouped(sumOf(counts))} in all, most in layer ${peak.at} (${grouped(peak.mean)}).`;
};

export const STAGE_FOUR_CLAIMS: readonly Claim[] = [suppressionNeurons, entropy, mlpNorms];
export const STAGE_FOUR_REMARKS: readonly Remark[] = [partition];
