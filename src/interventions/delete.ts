import type { OperationOf } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { namedBlocks } from "./named.ts";
import type { State } from "./state.ts";

/** Takes blocks out: the residual stream passes through. Of a parallel group, the mean over the others remains. */
export function applyDelete(state: State, operation: OperationOf<"delete">, context: Context): State {
  const out = new Set(namedBlocks(operation.layers, state, context).map(({ block }) => block));
  const places = state.places.map((place) => place.filter(({ block }) => !out.has(block)));
  return { ...state, places: places.filter((place) => place.length > 0) };
}
