/** What can never fit is refused before anything of it is done. */
import { Problem } from "../problem.ts";
import type { CostEstimate } from "./cost.ts";

export interface CostLimits {
  readonly maxRunMemoryBytes: number;
  readonly maxRunLogBytes: number;
}

/** What a run shows that grows with the square of its prompt, as its request names it. */
export interface PatternCapture {
  /** JSON pointer to the capture. */
  readonly pointer: string;
  readonly tokens: number;
}

type Estimate = Pick<CostEstimate, "memoryBytes" | "logBytes"> & Partial<Pick<CostEstimate, "patterns">>;

/** Refuses what can never fit, with both numbers; by the capture's name where it would fit without its patterns. */
export function checkFits(estimate: Estimate, limits: CostLimits, capture: PatternCapture | null = null): void {
  const { memoryBytes, logBytes, patterns = { memoryBytes: 0, logBytes: 0 } } = estimate;
  const { maxRunMemoryBytes, maxRunLogBytes } = limits;
  if (memoryBytes > maxRunMemoryBytes) {
    if (capture && memoryBytes - patterns.memoryBytes <= maxRunMemoryBytes)
      refusePatterns(
        capture,
        `would take about ${patterns.memoryBytes} bytes of the ${memoryBytes} that the run would hold beside the model; MAX_RUN_MEMORY_BYTES allows ${maxRunMemoryBytes}`,
      );
    throw new Problem(
      "run_too_large",
      `The run would hold about ${memoryBytes} bytes beside the model; MAX_RUN_MEMORY_BYTES allows ${maxRunMemoryBytes}. ` +
        "Fewer variants, positions or tokens take less.",
    );
  }
  if (logBytes > maxRunLogBytes) {
    if (capture && logBytes - patterns.logBytes <= maxRunLogBytes)
      refusePatterns(
        capture,
        `would be about ${patterns.logBytes} of the ${logBytes} bytes of text that the run's events would have; MAX_RUN_LOG_BYTES allows ${maxRunLogBytes}`,
      );
    throw new Problem(
      "run_too_large",
      `The run's events would be about ${logBytes} bytes of text; MAX_RUN_LOG_BYTES allows ${maxRunLogBytes}. ` +
        'Fewer positions, a smaller top_k, "layers": "final" or fewer captures take less.',
    );
  }
}

function refusePatterns({ pointer, tokens }: PatternCapture, why: string): never {
  const detail = `attention patterns of ${tokens} tokens ${why}`;
  throw new Problem("run_too_large", detail, [{ pointer, detail }]);
}
