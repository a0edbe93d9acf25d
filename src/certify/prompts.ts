/** What the checks run on: token ids drawn from a fixed generator, so that two certificates of a model compare. */
import type { ModelSpec } from "../engine/model-spec.ts";
import { pcg32 } from "../metrics/pcg32.ts";

const SEED = 7;

/** Positions of each prompt, where the context has so many. */
const LENGTHS = { main: 24, other: 24, middle: 13, short: 5, single: 1 } as const;

export type Prompts = Readonly<Record<keyof typeof LENGTHS, readonly number[]>>;

/** Prompts of ids that the tokenizer knows. */
export function drawPrompts({ tokenCount, contextLength }: Pick<ModelSpec, "tokenCount" | "contextLength">): Prompts {
  const generator = pcg32(SEED);
  const draw = (length: number) => Array.from({ length: Math.min(length, contextLength) }, () => generator.below(tokenCount));
  return Object.fromEntries(Object.entries(LENGTHS).map(([name, length]) => [name, draw(length)])) as unknown as Prompts;
}

/** At most `count` of the whole numbers from 0 to below `end`, the first and the last among them. */
export function spread(end: number, count: number): number[] {
  if (end <= count) return Array.from({ length: Math.max(0, end) }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (end - 1)) / (count - 1)));
}
