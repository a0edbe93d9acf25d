import { refuse } from "../../runs/tokens.ts";
import { chunksOfTexts, longestOf, type TextsInput } from "../chunks.ts";
import type { Ask, Kind, Plan, PlannedChunk } from "../kind.ts";
import { signNotes } from "../neurons.ts";
import { neuronCensus } from "./neuron-census.ts";
import { censusStudy, type Settings, signalJobs, textSignals } from "./stage-signals.ts";
import { StagesFold, type StagesInput, type StagesOutput } from "./stages-fold.ts";

/** Tokens that signs of a gated model's neurons are measured on: those of the first texts. */
const SIGN_TOKENS = 16_384;

/**
 * All signals of every layer on the same texts, and whether the depth falls into four parts (table 1): some chunks are
 * texts, the others layers' neurons. Definitions are those of the kinds that measure each signal.
 */
export const stages: Kind<Settings, StagesInput, StagesOutput> = {
  name: "stages",
  plan,
  jobs: (study, input, model) => ("texts" in input ? signalJobs(study, [...longestOf(input.texts)], model) : []),
  async compute(study, input, lab) {
    if ("texts" in input) return { signals: await textSignals(study, input.texts, lab) };
    return { census: await neuronCensus.compute(censusStudy(study), input, lab) };
  },
  fold: (study) => new StagesFold(study),
};

async function plan({ settings, model, material }: Ask<Settings>): Promise<Plan<StagesInput>> {
  const { tokens, tokensPerText, lengths } = await material.cut();
  // Every text has all signals: they are resampled by text.
  if (settings.k >= lengths.least)
    refuse(
      "/settings/k",
      `${settings.k} tokens before are more than texts of ${lengths.least} tokens have, ${lengths.least - 1}`,
    );
  const layers = Array.from({ length: model.nLayers }, (_, layer): PlannedChunk<StagesInput> => ({ units: 1, input: { layer } }));
  const texts: readonly PlannedChunk<TextsInput>[] = chunksOfTexts(tokens);
  return {
    chunks: [...texts, ...layers],
    tokensPerText,
    lengths,
    texts: tokens.length,
    ...(model.gated && { notes: signNotes(model, firstTokens(tokens, SIGN_TOKENS)) }),
  };
}

/** The first texts, at least one, that have no more tokens together. */
function firstTokens(texts: readonly Int32Array[], most: number): readonly Int32Array[] {
  let total = 0;
  const beyond = texts.findIndex(({ length }) => {
    total += length;
    return total > most;
  });
  return beyond < 0 ? texts : texts.slice(0, Math.max(1, beyond));
}
