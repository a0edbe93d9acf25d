import type { OperationOf } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { type Named, namedBlocks, onlySlot } from "./named.ts";
import { refuse } from "./refusal.ts";
import { type Slot, type Stand, type State, standAt, withStands } from "./state.ts";

/** Two blocks exchange places. */
export function applySwap(state: State, operation: OperationOf<"swap">, context: Context): State {
  const named = namedBlocks(operation.layers, state, context);
  if (named.length !== 2) refuse(`${context.pointer}/layers`, `swap takes two layers, not ${named.length}`);
  const [first, second] = [onlySlot(named[0] as Named, "swapped"), onlySlot(named[1] as Named, "swapped")];
  const { places } = state;
  const exchanged: [Slot, Stand][] = [
    [first, standAt(places, second)],
    [second, standAt(places, first)],
  ];
  return { ...state, places: withStands(places, exchanged, context.pointer) };
}
