import type { Context } from "./context.ts";
import type { Named } from "./named.ts";
import { onlySlot } from "./named.ts";
import { type Slot, type Stand, type State, standAt, withStands } from "./state.ts";

/**
 * Blocks in another order, within the places that they occupy: `order` gets them as they run, and returns them as they
 * are to run.
 */
export function permute(state: State, named: readonly Named[], context: Context, order: (stands: Stand[]) => Stand[]): State {
  const slots = named.map((one) => onlySlot(one, "moved")).sort((a, b) => a.place - b.place || a.index - b.index);
  const stands = order(slots.map((slot) => standAt(state.places, slot)));
  const moved = slots.map((slot, i): [Slot, Stand] => [slot, stands[i] as Stand]);
  return { ...state, places: withStands(state.places, moved, context.pointer) };
}
