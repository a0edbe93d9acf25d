import type { OperationOf } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { namedBlock } from "./named.ts";
import type { Slot, State } from "./state.ts";

/** Nothing runs after the last time that a block stands. */
export function applyExit(state: State, operation: OperationOf<"exit">, context: Context): State {
  const { slots } = namedBlock(operation.after, "after", state, context);
  return { ...state, places: state.places.slice(0, (slots.at(-1) as Slot).place + 1) };
}
