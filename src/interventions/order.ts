import type { OperationOf } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { layerNamed, layerSaid } from "./layers.ts";
import { gone } from "./named.ts";
import { refuse } from "./refusal.ts";
import { checkSteps, type Place, type State, slotsByBlock } from "./state.ts";

/** An explicit order of whole blocks and parallel groups; blocks that are not listed are out. */
export function applyOrder(state: State, operation: OperationOf<"order">, context: Context): State {
  checkSteps(operation.layers.length, `${context.pointer}/layers`);
  const slots = slotsByBlock(state.places);
  const blockOf = (layer: number, pointer: string): number => {
    const block = layerNamed(layer, pointer, context.model);
    return slots.has(block) ? block : gone(block, pointer);
  };
  const places = operation.layers.map((entry, i): Place => {
    const pointer = `${context.pointer}/layers/${i}`;
    if (typeof entry === "number") return [{ block: blockOf(entry, pointer) }];
    const blocks = entry.map((layer, j) => blockOf(layer, `${pointer}/${j}`));
    return blocks.map((block, j) => {
      if (blocks.indexOf(block) < j)
        refuse(`${pointer}/${j}`, `layer ${layerSaid(entry[j] as number, block)} is named twice in one parallel group`);
      return { block };
    });
  });
  return { ...state, places };
}
