import type { OperationOf } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { checkLayer, gone } from "./named.ts";
import { refuse } from "./refusal.ts";
import { checkSteps, type Place, type State, slotsByBlock } from "./state.ts";

/** An explicit order of whole blocks and parallel groups; blocks that are not listed are out. */
export function applyOrder(state: State, operation: OperationOf<"order">, context: Context): State {
  checkSteps(operation.layers.length, `${context.pointer}/layers`);
  const slots = slotsByBlock(state.places);
  const check = (block: number, pointer: string): void => {
    checkLayer(block, pointer, context.model);
    if (!slots.has(block)) gone(block, pointer);
  };
  const places = operation.layers.map((entry, i): Place => {
    const pointer = `${context.pointer}/layers/${i}`;
    if (typeof entry === "number") {
      check(entry, pointer);
      return [{ block: entry }];
    }
    return entry.map((block, j) => {
      check(block, `${pointer}/${j}`);
      if (entry.indexOf(block) < j) refuse(`${pointer}/${j}`, `layer ${block} is named twice in one parallel group`);
      return { block };
    });
  });
  return { ...state, places };
}
