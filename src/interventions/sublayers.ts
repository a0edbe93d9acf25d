import type { OperationOf } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { layerNamed } from "./layers.ts";
import { gone } from "./named.ts";
import { checkSteps, type Place, type State, slotsByBlock } from "./state.ts";

/** An explicit order of halves of blocks and whole ones; blocks that are not listed are out. */
export function applySublayers(state: State, operation: OperationOf<"sublayers">, context: Context): State {
  checkSteps(operation.steps.length, `${context.pointer}/steps`);
  const slots = slotsByBlock(state.places);
  const places = operation.steps.map(({ layer, component }, i): Place => {
    const pointer = `${context.pointer}/steps/${i}/layer`;
    const block = layerNamed(layer, pointer, context.model);
    if (!slots.has(block)) gone(block, pointer);
    return [component === "block" ? { block } : { block, component }];
  });
  return { ...state, places };
}
