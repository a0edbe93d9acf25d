/**
 * What the checks run on: token ids drawn from a fixed generator, and a sentence, the same for all, so that two certificates of a
 * model compare.
 */
import type { ModelSpec } from "../engine/model-spec.ts";
import { pcg32 } from "../metrics/pcg32.ts";

const SEED = 7;

/** Positions of each prompt, where the context has so many. */
const LENGTHS = { main: 24, other: 24, middle: 13, short: 5, single: 1 } as const;

/** What people write is predicted with confidence, as drawn ids never are. */
export const NATURAL_TEXT =
  "1 2 3 4 5 6 7 8. The capital of France is Paris, and the river that runs through the city is the Seine";

/** `natural`: the tokens of `NATURAL_TEXT`. */
export type Prompts = Readonly<Record<keyof typeof LENGTHS | "natural", readonly number[]>>;

/** Prompts of ids that the tokenizer knows; `natural` is cut to the context. */
export function drawPrompts(
  { tokenCount, contextLength }: Pick<ModelSpec, "tokenCount" | "contextLength">,
  natural: readonly number[],
): Prompts {
  const generator = pcg32(SEED);
  const draw = (length: number) => Array.from({ length: Math.min(length, contextLength) }, () => generator.below(tokenCount));
  const drawn = Object.fromEntries(Object.entries(LENGTHS).map(([name, length]) => [name, draw(length)]));
  return { ...(drawn as Record<keyof typeof LENGTHS, number[]>), natural: natural.slice(0, contextLength) };
}

/** At most `count` of the whole numbers from 0 to below `end`, the first and the last among them. */
export function spread(end: number, count: number): number[] {
  if (end <= count) return Array.from({ length: Math.max(0, end) }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (end - 1)) / (count - 1)));
}
