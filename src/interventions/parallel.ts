import type { OperationOf } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { type Named, namedBlocks } from "./named.ts";
import { neighbours, replaceSpan } from "./neighbours.ts";
import { refuse } from "./refusal.ts";
import { checkSteps, type Place, type State } from "./state.ts";

/** Neighbours become one group, x ← mean over them of block(x), which runs `times` times. */
export function applyParallel(state: State, operation: OperationOf<"parallel">, context: Context): State {
  const named = namedBlocks(operation.layers, state, context);
  const span = neighbours(named, state, "run in parallel");
  const group = span.places.flat();
  for (const { block, component } of group) {
    if (component === undefined) continue;
    const { pointer } = named.find((one) => one.block === block) as Named;
    refuse(pointer, `layer ${block} stands with its ${component} alone; only whole blocks can run in parallel`);
  }
  checkSteps(state.places.length - span.places.length + operation.times, context.pointer);
  return replaceSpan(state, span, Array<Place>(operation.times).fill(group));
}
