/** Stage 3, prediction ensembling: prediction neurons (figure 6 right), suffix probes (10), the lens that falls (6 left). */
import type { ExperimentResult } from "../../experiments/result.ts";
import { between, depthOf, highest, type Measured, measuredBy, measuredOne } from "../results/measured.ts";
import { resultOf } from "../results/outcome.ts";
import { fieldsIn, numberIn } from "../results/summary.ts";
import { grouped, measure, percent } from "../text/numbers.ts";
import { type Claim, type Finding, verdictOf } from "./claim.ts";
import { lensFall } from "./stage-two.ts";

/** Of all prediction neurons: so many in the second half. */
const MOST = 0.75;
/** Of a layer's neurons: from so many on it is said to have them. */
const ONSET = 0.01;

/** Counts of a class by layer. null: the census cannot tell it. */
export function countsOf(
  result: ExperimentResult,
  name: "prediction" | "suppression" | "prediction_or_suppression",
): Measured[] | null {
  const counts = measuredBy(result, `${name}_count`);
  return counts.length > 0 ? counts : null;
}

export function sumOf(counts: readonly Measured[]): number {
  return counts.reduce((sum, { mean }) => sum + mean, 0);
}

const predictionNeurons: Claim = {
  id: "prediction-neurons",
  says: "About half-way, neurons appear that speak for few tokens (prediction neurons), and there are more and more of them.",
  criterion:
    "there are some, three quarters of them in the second half, and the layer with most of them is there too (in part: the last of these)",
  judge(of) {
    const result = resultOf(of, "neuron-census");
    if (!result) return null;
    const { n_layers: layers, d_mlp: perLayer } = result.model;
    const signed = countsOf(result, "prediction");
    const counts = signed ?? countsOf(result, "prediction_or_suppression");
    if (!counts || layers < 3) return null;
    const what = signed ? "prediction neurons" : "prediction or suppression neurons (without texts their signs cannot be told)";
    const all = sumOf(counts);
    if (all === 0) return noneOf(result);
    const later = sumOf(between(counts, layers, 0.5, 1));
    const peak = highest(counts) as Measured;
    const onset = counts.find(({ mean }) => mean >= ONSET * perLayer);
    return {
      verdict: verdictOf(depthOf(peak.at, layers) >= 0.5, later >= MOST * all),
      short: `${grouped(all)}, ${percent(later / all)} in the second half`,
      sentence:
        `The census finds ${grouped(all)} ${what} among ${grouped(layers * perLayer)}, ${percent(later / all)} of them in the second half; ` +
        `layer ${peak.at} has most, ${grouped(peak.mean)} (${percent(peak.mean / perLayer)})` +
        `${onset ? `, and the first with one in a hundred is layer ${onset.at}` : ", and no layer has one in a hundred"}.`,
    };
  },
};

/** A model without any: how far its neurons are from the bound. */
function noneOf(result: ExperimentResult): Finding {
  const kurtosis = highest(measuredBy(result, "kurtosis"));
  const bound = Number(result.settings.kurtosis_above ?? 10);
  return {
    verdict: "not-shown",
    short: "none",
    sentence:
      `The census finds no prediction neurons, nor suppression neurons: no neuron’s cosines with the vocabulary have a kurtosis above ${bound}` +
      `${kurtosis ? `; the highest mean of a layer is ${measure(kurtosis.mean)}, in layer ${kurtosis.at} (a Gaussian has 3)` : ""}.`,
  };
}

const fallingLens: Claim = {
  id: "falling-lens",
  says: "In the second half the layers’ predictions turn into the final ones.",
  criterion:
    "of the divergence after the first block at least half goes in the second half of the layers (in part: at least a third)",
  judge(of) {
    const result = resultOf(of, "logit-lens");
    const fall = result && lensFall(result);
    if (!fall) return null;
    const rest = 1 - fall.fallen;
    const { layer, share } = fall.steepest;
    return {
      verdict: verdictOf(rest >= 1 / 3, rest >= 1 / 2),
      short: rest >= 1 ? "all of the fall" : `${percent(rest)} of the fall`,
      sentence:
        `The second half of the layers does ${rest >= 1 ? "all" : percent(rest)} of the way from the first block to the output; ` +
        `of all steps the steepest is that of layer ${layer}, ${percent(share)} of the way.`,
    };
  },
};

const suffixEnsembles: Claim = {
  id: "suffix-probe",
  says: "Prediction and suppression neurons together tell how a word will end better than each of them alone.",
  criterion:
    "on held-out texts the largest ensemble decides better than the neuron that was best in training, beyond the 95 % interval of their difference, taken as if they erred independently (in part: the mean alone)",
  judge(of) {
    const result = resultOf(of, "suffix-probe");
    if (!result) return null;
    const model = measuredOne(result, "accuracy", { population: "model" });
    const ensemble = largestEnsemble(result);
    const best = bestAlone(result);
    const suffix = String(result.settings.suffix);
    if (!ensemble || best === null) {
      if (!model) return null;
      return {
        verdict: "not-shown",
        short: "no neurons to probe",
        sentence: `There are no prediction or suppression neurons to probe for “-${suffix}”; the model itself decides ${percent(model.mean)} of the cases rightly.`,
      };
    }
    const difference = ensemble.accuracy.mean - best.accuracy;
    const reach = 1.96 * Math.hypot(ensemble.accuracy.sem ?? 0, best.sem);
    const above = difference > 0;
    return {
      verdict: verdictOf(above, difference > reach),
      short: `${percent(best.accuracy)} → ${percent(ensemble.accuracy.mean)}`,
      sentence:
        `Whether the next token ends its word in “-${suffix}”, the best single neuron (${best.layer}.${best.neuron}) tells in ${percent(best.accuracy)} of held-out cases, ` +
        `an ensemble of ${ensemble.k} in ${percent(ensemble.accuracy.mean)}${difference > reach ? "" : above ? ", which could be chance" : ", which is no better"}` +
        `${model ? `; the model’s own top prediction in ${percent(model.mean)}` : ""} (guessing: 50 %).`,
    };
  },
};

function largestEnsemble(result: ExperimentResult): { k: number; accuracy: Measured } | null {
  const all = measuredBy(result, "accuracy", { population: "both" }, "k");
  const last = all.at(-1);
  return last ? { k: last.at, accuracy: last } : null;
}

interface Alone {
  readonly layer: number;
  readonly neuron: number;
  readonly accuracy: number;
  readonly sem: number;
}

/** The one that was chosen in training, of either kind. */
function bestAlone(result: ExperimentResult): Alone | null {
  const best = fieldsIn(result.summary, "best_neuron");
  const found = (["prediction", "suppression"] as const).flatMap((kind) => {
    const neuron = fieldsIn(best, kind);
    const accuracy = numberIn(neuron, "accuracy");
    const [layer, index] = [numberIn(neuron, "layer"), numberIn(neuron, "neuron")];
    if (accuracy === null || layer === null || index === null) return [];
    const row = measuredOne(result, "accuracy", { population: kind, k: null, layer, neuron: index });
    return [{ layer, neuron: index, accuracy, sem: row?.sem ?? 0 }];
  });
  return found.reduce<Alone | null>((a, b) => (a === null || b.accuracy > a.accuracy ? b : a), null);
}

export const STAGE_THREE_CLAIMS: readonly Claim[] = [predictionNeurons, fallingLens, suffixEnsembles];
