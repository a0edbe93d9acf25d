import type { OperationOf } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { namedBlocks } from "./named.ts";
import { permute } from "./permute.ts";
import type { State } from "./state.ts";

/** Blocks run in the opposite order, within the places that they occupy. */
export function applyReverse(state: State, operation: OperationOf<"reverse">, context: Context): State {
  return permute(state, namedBlocks(operation.layers, state, context), context, (stands) => stands.reverse());
}
