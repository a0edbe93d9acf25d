/** Neurons that may tell whether the next token ends in a suffix: by what they write, before anything is run. */
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import type { Lab } from "../lab.ts";
import { directionOf, meanActivations, signed, signOf, signSource } from "../neurons.ts";
import type { Study } from "../study.ts";

export interface Candidate {
  readonly layer: number;
  readonly neuron: number;
  readonly direction: "prediction" | "suppression";
  /** Mean of w_out · W_U over the suffix's tokens, minus the mean over the others, of what the active neuron writes. */
  readonly effect: number;
  readonly kurtosis: number;
}

export interface Candidates {
  /** Prediction, then suppression neurons, the largest effects first, so many of each as was asked. */
  readonly chosen: readonly Candidate[];
  /** How many there are of each in all. */
  readonly found: { readonly prediction: number; readonly suppression: number };
  readonly largestKurtosis: number;
}

/** Kept in the study's notes. */
export interface SuffixNotes {
  readonly suffix_tokens: readonly number[];
}

/** Of every layer's census: what kurtosis lets through, ranked by the size of its effect on the suffix's tokens. */
export async function findCandidates(study: Study<SettingsOf<"suffix-probe">>, lab: Lab): Promise<Candidates> {
  const { weights, kurtosis_above, top } = study.settings;
  const { suffix_tokens } = study.notes as unknown as SuffixNotes;
  const signs = signSource(study);
  const layers = [...Array(study.model.nLayers).keys()];
  const censuses = await lab.all(layers, (layer) => lab.census({ layer, weights, tokenSets: [suffix_tokens] }));
  const activations = await lab.all(layers, (layer) => meanActivations(study, layer, lab));
  let largestKurtosis = 0;
  const all = censuses.flatMap(({ kurtosis: values, skew, setEffects }, layer) =>
    Array.from(values).flatMap((kurtosis, neuron): Candidate[] => {
      largestKurtosis = Math.max(largestKurtosis, Number.isNaN(kurtosis) ? 0 : kurtosis);
      const shape = { kurtosis, skew: skew[neuron] as number };
      const activation = activations[layer]?.[neuron] ?? null;
      const direction = directionOf(shape, signs, activation, kurtosis_above);
      const effect = signed(setEffects[0]?.[neuron] as number, signOf(signs, activation));
      if ((direction !== "prediction" && direction !== "suppression") || effect === null) return [];
      return [{ layer, neuron, direction, effect, kurtosis }];
    }),
  );
  const of = (direction: Candidate["direction"]) =>
    all.filter((each) => each.direction === direction).sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect));
  const [prediction, suppression] = [of("prediction"), of("suppression")];
  return {
    chosen: [...prediction.slice(0, top), ...suppression.slice(0, top)],
    found: { prediction: prediction.length, suppression: suppression.length },
    largestKurtosis,
  };
}
