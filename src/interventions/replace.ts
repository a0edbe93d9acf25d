import type { OperationOf } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { namedBlock, onlySlot } from "./named.ts";
import { refuse } from "./refusal.ts";
import { type Place, type State, standAt, withStands } from "./state.ts";

/** Another block runs in the place of one; where only a half ran, that half of the other. */
export function applyReplace(state: State, operation: OperationOf<"replace">, context: Context): State {
  const replaced = namedBlock(operation.layer, "layer", state, context);
  const slot = onlySlot(replaced, "replaced");
  const { block, pointer } = namedBlock(operation.with, "with", state, context);
  const group = state.places[slot.place] as Place;
  if (group.some((stand, i) => i !== slot.index && stand.block === block)) {
    refuse(pointer, `layer ${block} stands in the same parallel group as layer ${replaced.block} already`);
  }
  return { ...state, places: withStands(state.places, [[slot, { ...standAt(state.places, slot), block }]], context.pointer) };
}
