import { pcg32, shuffled } from "../metrics/pcg32.ts";
import type { OperationOf } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { namedBlocks } from "./named.ts";
import { permute } from "./permute.ts";
import type { State } from "./state.ts";

/** Blocks run in an order drawn from the seed, within the places that they occupy. */
export function applyShuffle(state: State, operation: OperationOf<"shuffle">, context: Context): State {
  const named = namedBlocks(operation.layers, state, context);
  return permute(state, named, context, (stands) => shuffled(stands, pcg32(operation.seed)));
}
