/** What the engine has done since its process started; the server turns it into metrics. */
import type { EngineStats } from "./protocol.ts";

/** Upper bounds of the rows-per-call histogram; one more bucket is open at the end. */
export const ROWS_PER_CALL_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128] as const;

type Counted = Pick<
  EngineStats,
  | "blockCalls"
  | "blockRows"
  | "blockTokens"
  | "readoutCalls"
  | "readoutRows"
  | "rememberedSteps"
  | "computedSteps"
  | "rowsPerCall"
>;

export class Counters {
  #blockCalls = 0;
  #blockRows = 0;
  #blockTokens = 0;
  #readoutCalls = 0;
  #readoutRows = 0;
  #rememberedSteps = 0;
  #computedSteps = 0;
  readonly #rowsPerCall = new Array<number>(ROWS_PER_CALL_BOUNDS.length + 1).fill(0);
  readonly log: (error: unknown) => void;

  /** `log`: where errors of calls go that users are not told about. */
  constructor(log: (error: unknown) => void = () => {}) {
    this.log = log;
  }

  blockCall(rows: number, tokens: number): void {
    this.#blockCalls++;
    this.#blockRows += rows;
    this.#blockTokens += tokens;
    const bucket = ROWS_PER_CALL_BOUNDS.findIndex((bound) => rows <= bound);
    const index = bucket < 0 ? ROWS_PER_CALL_BOUNDS.length : bucket;
    this.#rowsPerCall[index] = (this.#rowsPerCall[index] as number) + 1;
  }

  readoutCall(rows: number): void {
    this.#readoutCalls++;
    this.#readoutRows += rows;
  }

  /** A step's stream was there already. */
  remembered(): void {
    this.#rememberedSteps++;
  }

  /** A step was looked for in vain, and ran. */
  computed(): void {
    this.#computedSteps++;
  }

  snapshot(): Counted {
    return {
      blockCalls: this.#blockCalls,
      blockRows: this.#blockRows,
      blockTokens: this.#blockTokens,
      readoutCalls: this.#readoutCalls,
      readoutRows: this.#readoutRows,
      rememberedSteps: this.#rememberedSteps,
      computedSteps: this.#computedSteps,
      rowsPerCall: [...this.#rowsPerCall],
    };
  }
}
