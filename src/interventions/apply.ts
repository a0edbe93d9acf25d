import type { Operation } from "../schemas/operations.ts";
import { applyAblate } from "./ablate.ts";
import { type Context, MAX_PLACES } from "./context.ts";
import { applyDelete } from "./delete.ts";
import { applyExit } from "./exit.ts";
import { applyOrder } from "./order.ts";
import { applyParallel } from "./parallel.ts";
import { applyPatch } from "./patch.ts";
import { refuse } from "./refusal.ts";
import { applyRepeat } from "./repeat.ts";
import { applyReplace } from "./replace.ts";
import { applyReverse } from "./reverse.ts";
import { applyShuffle } from "./shuffle.ts";
import { initialState, type State } from "./state.ts";
import { applySteer } from "./steer.ts";
import { applySublayers } from "./sublayers.ts";
import { applySwap } from "./swap.ts";

/** The state after one operation. Throws `Problem` with the reason where it cannot be applied. */
export function applyOperation(state: State, operation: Operation, context: Context): State {
  switch (operation.op) {
    case "delete":
      return applyDelete(state, operation, context);
    case "swap":
      return applySwap(state, operation, context);
    case "repeat":
      return applyRepeat(state, operation, context);
    case "reverse":
      return applyReverse(state, operation, context);
    case "shuffle":
      return applyShuffle(state, operation, context);
    case "replace":
      return applyReplace(state, operation, context);
    case "exit":
      return applyExit(state, operation, context);
    case "order":
      return applyOrder(state, operation, context);
    case "parallel":
      return applyParallel(state, operation, context);
    case "sublayers":
      return applySublayers(state, operation, context);
    case "ablate":
      return applyAblate(state, operation, context);
    case "steer":
      return applySteer(state, operation, context);
    case "patch":
      return applyPatch(state, operation, context);
  }
}

/** The state after a list of operations, in the order given. `pointer` is the list's. */
export function applyOperations(operations: readonly Operation[], within: Omit<Context, "pointer">, pointer: string): State {
  const { model, budget } = within;
  let state = initialState(model.nLayers);
  for (const [i, operation] of operations.entries()) {
    const context = { ...within, pointer: `${pointer}/${i}` };
    budget.places -= 1 + state.places.reduce((sum, place) => sum + place.length, 0);
    if (budget.places < 0) {
      refuse(
        context.pointer,
        `the request's operations walk through more than the most allowed, ${MAX_PLACES} blocks of schedules in all`,
      );
    }
    state = applyOperation(state, operation, context);
  }
  return state;
}
