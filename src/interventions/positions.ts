import type { Positions } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { refuse } from "./refusal.ts";

/** The positions of an operation; `undefined`: all. */
export function chosenPositions(positions: Positions, { tokenCount, pointer }: Context): number[] | undefined {
  return positions === "all" ? undefined : resolvePositions(positions, tokenCount, `${pointer}/positions`);
}

/**
 * Places in the token sequence, ascending and each once; negative ones count from the end. Out of range is refused,
 * with the range.
 */
export function resolvePositions(positions: readonly number[], tokenCount: number, pointer: string): number[] {
  const places = positions.map((position, i) => {
    if (position >= tokenCount || position < -tokenCount) {
      const tokens = tokenCount === 1 ? "1 token" : `${tokenCount} tokens`;
      refuse(
        `${pointer}/${i}`,
        `position ${position} is out of range: the prompt has ${tokens}, so positions ${-tokenCount} to ${tokenCount - 1}`,
      );
    }
    return position < 0 ? position + tokenCount : position;
  });
  return [...new Set(places)].sort((a, b) => a - b);
}
