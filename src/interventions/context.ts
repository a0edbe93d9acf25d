import { refuse } from "./refusal.ts";
import type { Resources } from "./resources.ts";

/** What operations need to know of the model. */
export interface ModelShape {
  readonly id: string;
  readonly nLayers: number;
  readonly nHeads: number;
  readonly dModel: number;
  readonly dMlp: number;
}

/** Where an operation stands, and what it is applied to. */
export interface Context {
  readonly model: ModelShape;
  /** Tokens of the prompt, BOS included. */
  readonly tokenCount: number;
  /** JSON pointer of the operation. */
  readonly pointer: string;
  readonly budget: Budget;
  readonly resources: Resources;
}

/** What one request may still spend, all its operations together. */
export interface Budget {
  /** Blocks of schedules that operations walk through. */
  places: number;
  /** (block, head or neuron, position) cells that edits are bound to. */
  cells: number;
}

/** Above this, compiling would hold the server's one thread for more than a second: 256 variants of 4,096 steps. */
export const MAX_PLACES = 1_048_576;
/** All heads of a 48-layer model of 25 heads, at 800 places: beyond it, memory is held for nothing anybody reads. */
export const MAX_CELLS = 1_048_576;

/** A fresh budget, for one request. */
export function newBudget(): Budget {
  return { places: MAX_PLACES, cells: MAX_CELLS };
}

/** Takes cells from what the request may spend, or refuses it. */
export function spend({ budget, pointer }: Context, cells: number): void {
  budget.cells -= cells;
  if (budget.cells < 0) {
    refuse(
      pointer,
      `the request changes more than the most allowed, ${MAX_CELLS} places (layers × heads or neurons × positions) in all`,
    );
  }
}
