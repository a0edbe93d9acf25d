/** What an experiment is: everything that its numbers depend on. Stored with it, so that any replica computes the same. */
import type { Provenance } from "./result.ts";

/** The model as kinds reason about it. */
export interface StudyModel {
  readonly id: string;
  readonly revision: string;
  readonly family: string;
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  readonly dMlp: number;
  readonly vocabSize: number;
  readonly tokenCount: number;
  readonly contextLength: number;
  /** MLPs are gated: the sign of a neuron is arbitrary. */
  readonly gated: boolean;
  /** MLPs read what the attention reads. */
  readonly parallel: boolean;
  /** Of one head's output. */
  readonly headDim: number;
}

export interface Study<Settings = Readonly<Record<string, unknown>>> {
  readonly kind: string;
  readonly model: StudyModel;
  readonly settings: Settings;
  readonly data: Provenance["data"];
  /** Tokens of every text, BOS included; null: texts have lengths of their own, or there are none. */
  readonly tokensPerText: number | null;
  readonly prependBos: boolean;
  /** `convention`: nobody said, and BOS comes first where the model has one, as in the paper. Studies of old do not say. */
  readonly bosBy?: "convention" | "request";
  readonly seed: number;
  readonly version: string;
  /** What planning found out, for computing and folding; plain JSON. */
  readonly notes: Readonly<Record<string, unknown>>;
}

/** Tokens of the longest text, BOS included; without texts 1. */
export function longestText({ tokensPerText, data }: Pick<Study, "tokensPerText" | "data">): number {
  return tokensPerText ?? data?.tokens?.most ?? 1;
}

/** Where statistics begin: with BOS the prediction at position 0 is left out of every one. */
export function firstPosition({ prependBos }: Pick<Study, "prependBos">): number {
  return prependBos ? 1 : 0;
}

/** The positions of a text of `length` tokens that count. */
export function countedPositions(study: Pick<Study, "prependBos">, length: number): number[] {
  const first = firstPosition(study);
  return Array.from({ length: length - first }, (_, i) => first + i);
}

/** Whether BOS came first, and who had it so. */
export function bosOf({ prependBos, bosBy = "convention" }: Pick<Study, "prependBos" | "bosBy">): NonNullable<Provenance["bos"]> {
  return { prepended: prependBos, by: bosBy };
}

/** What a result says it was made from. */
export function provenanceOf(study: Study): Provenance {
  const { id, revision, family, nLayers, dModel, nHeads, dMlp, vocabSize } = study.model;
  return {
    kind: study.kind,
    model: {
      id,
      revision,
      family,
      n_layers: nLayers,
      d_model: dModel,
      n_heads: nHeads,
      d_mlp: dMlp,
      vocab_size: vocabSize,
    },
    data: study.data,
    tokens_per_text: study.tokensPerText,
    prepend_bos: study.data === null ? null : study.prependBos,
    bos: study.data === null ? null : bosOf(study),
    seed: study.seed,
    settings: study.settings,
    version: study.version,
  };
}
