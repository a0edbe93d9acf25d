/** What the paper says, as something that a model's numbers can bear out or not. */
import type { ModelOutcomes } from "../results/outcome.ts";

export type Verdict = "shown" | "partly" | "not-shown";

export interface Finding {
  readonly verdict: Verdict;
  /** The number that decides, for a table. */
  readonly short: string;
  /** With the numbers; says what is not so as plainly as what is. */
  readonly sentence: string;
}

export interface Claim {
  readonly id: string;
  /** In the paper's sense, not in its words. */
  readonly says: string;
  /** What must hold for "shows", and for "in part". Ours: the paper judges by eye. */
  readonly criterion: string;
  /** null: what it needs was not measured on this model. */
  judge(of: ModelOutcomes): Finding | null;
}

/** A sentence with numbers that no claim of the paper hangs on. null: not measured. */
export type Remark = (of: ModelOutcomes) => string | null;

/** Both: shown; one: in part; none: not. */
export function verdictOf(...conditions: readonly boolean[]): Verdict {
  if (conditions.every(Boolean)) return "shown";
  return conditions.some(Boolean) ? "partly" : "not-shown";
}
