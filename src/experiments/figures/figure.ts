/** What a kind of experiment gives the registry, so that its results can be drawn. */
import type { ExperimentResult } from "../result.ts";
import type { Comparison } from "./comparison.ts";
import type { VegaLiteSpec } from "./spec.ts";

export interface Figure {
  /** One result. Throws `not_found` where it has none of the rows that are drawn. */
  draw(result: ExperimentResult): VegaLiteSpec;
  /** Absent: several models are not drawn in one figure. */
  readonly compared?: (results: readonly ExperimentResult[]) => Comparison;
}
