/** How many texts and tokens an experiment takes when nothing is said. */
import type { PaperExperiment, Size } from "./catalogue.ts";
import { type ModelSizes, tokenFlop } from "./cost.ts";

/** About half a minute of two cores at most: what costs more gets fewer texts, as long as there are sizes to choose from. */
export const BUDGET_FLOP = 2e12;

/** What the person, the data and the model leave to choose from. */
export interface SizeLimits {
  /** `--texts`; undefined: not said. */
  readonly texts?: number | undefined;
  /** `--tokens`; undefined: not said. */
  readonly tokens?: number | undefined;
  /** Texts that there are. */
  readonly available: number;
  /** Tokens of a text, at most: the model's context. */
  readonly maxTokens: number;
}

/** The first size within the budget, or the last; then what was asked for in its place. */
export function chooseSize(experiment: PaperExperiment, model: ModelSizes, limits: SizeLimits): Size {
  const within = experiment.sizes.find((size) => flopOf(experiment, model, size) <= BUDGET_FLOP);
  const chosen = within ?? (experiment.sizes.at(-1) as Size);
  const texts = limits.texts ?? Math.min(chosen.texts, limits.available);
  const tokens = chosen.tokens === null ? null : (limits.tokens ?? Math.min(chosen.tokens, limits.maxTokens));
  return { ...chosen, texts, tokens };
}

/** Estimated floating-point operations. */
export function flopOf({ work, tokensOf }: PaperExperiment, model: ModelSizes, size: Size): number {
  const tokens = tokensOf ? tokensOf(size) : size.texts * (size.tokens ?? 1);
  return tokens * tokenFlop(model, work(model));
}
