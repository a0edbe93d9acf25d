import { baselineSchedule, type Schedule } from "../engine/schedule.ts";
import { jsonPointer } from "../schemas/field-errors.ts";
import { MAX_VARIANTS } from "../schemas/limits.ts";
import type { Operation } from "../schemas/operations.ts";
import type { RunRequest, Sweep } from "../schemas/run-request.ts";
import { applyOperations } from "./apply.ts";
import { type ModelShape, newBudget } from "./context.ts";
import { refuse } from "./refusal.ts";
import { toSchedule } from "./state.ts";

/** The part of a request that says what is done to the model. */
export type VariantsRequest = Pick<RunRequest, "interventions" | "variants" | "sweep" | "baseline">;

export interface CompiledVariants {
  /** One per variant, the baseline first. */
  readonly schedules: Schedule[];
  /** Index of the baseline in `schedules`, or null. */
  readonly baseline: number | null;
}

interface NamedOperations {
  readonly name: string;
  readonly operations: readonly Operation[];
  readonly pointer: string;
}

/**
 * The schedules of a request's variants for a prompt of `tokenCount` tokens. Throws `Problem` `invalid_intervention`
 * with the reason and a JSON pointer where an operation cannot be applied.
 */
export function compileVariants(request: VariantsRequest, model: ModelShape, tokenCount: number): CompiledVariants {
  const variants = variantsOf(request, model);
  if (variants.length === 0 && !request.baseline) {
    refuse("/baseline", "there is nothing to run: no interventions, no variants and no sweep, and baseline is false");
  }
  const budget = newBudget();
  const schedules = variants.map(({ name, operations, pointer }) =>
    toSchedule(name, applyOperations(operations, model, tokenCount, pointer, budget), tokenCount),
  );
  return request.baseline
    ? { schedules: [baselineSchedule(model.nLayers), ...schedules], baseline: 0 }
    : { schedules, baseline: null };
}

function variantsOf({ interventions, variants, sweep }: VariantsRequest, model: ModelShape): NamedOperations[] {
  if (interventions) return [{ name: "intervened", operations: interventions, pointer: "/interventions" }];
  if (sweep) return sweepVariants(sweep, model);
  return Object.entries(variants ?? {}).map(([name, operations]) => {
    const pointer = jsonPointer(["variants", name]);
    if (name === "baseline") refuse(pointer, 'a variant may not be called "baseline": that is the untouched model');
    return { name, operations, pointer };
  });
}

/** Every single deletion, and every swap of neighbours, named by the first of the two. */
function sweepVariants(sweep: Sweep, model: ModelShape): NamedOperations[] {
  const all = sweep.flatMap((op, i): NamedOperations[] => {
    const pointer = `/sweep/${i}`;
    if (sweep.indexOf(op) < i) refuse(pointer, `"${op}" is named twice`);
    const count = op === "delete" ? model.nLayers : model.nLayers - 1;
    if (count === 0) refuse(pointer, `there is nothing to ${op}: ${model.id} has one layer only`);
    return Array.from({ length: count }, (_, layer) => ({
      name: `${op}.${layer}`,
      operations: [op === "delete" ? { op, layers: [layer] } : { op, layers: [layer, layer + 1] }],
      pointer,
    }));
  });
  if (all.length > MAX_VARIANTS) {
    refuse("/sweep", `a sweep of ${all.length} variants is more than the most allowed, ${MAX_VARIANTS}`);
  }
  return all;
}
