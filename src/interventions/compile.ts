import { baselineSchedule, type Schedule } from "../engine/schedule.ts";
import { jsonPointer } from "../schemas/field-errors.ts";
import { MAX_VARIANTS } from "../schemas/limits.ts";
import type { Operation } from "../schemas/operations.ts";
import type { RunRequest } from "../schemas/run-request.ts";
import { applyOperations } from "./apply.ts";
import { type Context, type ModelShape, newBudget } from "./context.ts";
import { patchCells } from "./patch-sweep.ts";
import { refuse } from "./refusal.ts";
import { Resources, type Words } from "./resources.ts";
import { toSchedule } from "./state.ts";

/** The part of a request that says what is done to the model. */
export type VariantsRequest = Pick<RunRequest, "interventions" | "variants" | "sweep" | "baseline">;

export interface CompiledVariants {
  /** One per variant, the baseline first. */
  readonly schedules: Schedule[];
  /** Index of the baseline in `schedules`, or null. */
  readonly baseline: number | null;
  /** What their edits add. */
  readonly resources: Resources;
  /** Of a patch sweep: the source among the resources' that its effects are measured against. */
  readonly normalise: number | null;
}

/** A variant's name and what is done in it. */
export interface NamedOperations {
  readonly name: string;
  readonly operations: readonly Operation[];
  readonly pointer: string;
}

/**
 * The schedules of a request's variants for a prompt of `tokenCount` tokens. Throws `Problem` `invalid_intervention`
 * with the reason and a JSON pointer where an operation cannot be applied.
 */
export function compileVariants(request: VariantsRequest, model: ModelShape, tokenCount: number, words: Words): CompiledVariants {
  const resources = new Resources(words);
  const within = { model, tokenCount, budget: newBudget(), resources };
  const { sweep } = request;
  const variants = variantsOf(request, within);
  if (variants.length === 0 && !request.baseline) {
    refuse("/baseline", "there is nothing to run: no interventions, no variants and no sweep, and baseline is false");
  }
  const extent = { tokenCount, dMlp: model.dMlp };
  const schedules = variants.map(({ name, operations, pointer }) =>
    toSchedule(name, applyOperations(operations, within, pointer), extent),
  );
  const normalise = sweep && !Array.isArray(sweep) ? resources.source(sweep.source, "/sweep/source") : null;
  return request.baseline
    ? { schedules: [baselineSchedule(model.nLayers), ...schedules], baseline: 0, resources, normalise }
    : { schedules, baseline: null, resources, normalise };
}

function variantsOf({ interventions, variants, sweep }: VariantsRequest, within: Omit<Context, "pointer">): NamedOperations[] {
  if (interventions) return [{ name: "intervened", operations: interventions, pointer: "/interventions" }];
  if (sweep) {
    const all = Array.isArray(sweep) ? layerSweep(sweep, within.model) : patchCells(sweep, { ...within, pointer: "/sweep" });
    if (all.length > MAX_VARIANTS)
      refuse("/sweep", `a sweep of ${all.length} variants is more than the most allowed, ${MAX_VARIANTS}`);
    return all;
  }
  return Object.entries(variants ?? {}).map(([name, operations]) => {
    const pointer = jsonPointer(["variants", name]);
    if (name === "baseline") refuse(pointer, 'a variant may not be called "baseline": that is the untouched model');
    return { name, operations, pointer };
  });
}

/** Every single deletion, and every swap of neighbours, named by the first of the two. */
function layerSweep(sweep: readonly ("delete" | "swap")[], model: ModelShape): NamedOperations[] {
  return sweep.flatMap((op, i): NamedOperations[] => {
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
}
