/** What operations need to know of the model. */
export interface ModelShape {
  readonly id: string;
  readonly nLayers: number;
  readonly nHeads: number;
}

/** Where an operation stands, and what it is applied to. */
export interface Context {
  readonly model: ModelShape;
  /** Tokens of the prompt, BOS included. */
  readonly tokenCount: number;
  /** JSON pointer of the operation. */
  readonly pointer: string;
  readonly budget: Budget;
}

/** What one request may still spend, all its operations together. */
export interface Budget {
  /** Blocks of schedules that operations walk through. */
  places: number;
  /** (block, head, position) cells that scales are bound to. */
  scales: number;
}

/** Above this, compiling would hold the server's one thread for more than a second: 256 variants of 4,096 steps. */
export const MAX_PLACES = 1_048_576;
/** All heads of a 48-layer model of 25 heads, at 800 places: beyond it, memory is held for nothing anybody reads. */
export const MAX_SCALES = 1_048_576;

/** A fresh budget, for one request. */
export function newBudget(): Budget {
  return { places: MAX_PLACES, scales: MAX_SCALES };
}
