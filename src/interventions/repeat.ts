import type { OperationOf } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { type Named, namedBlocks } from "./named.ts";
import { neighbours, replaceSpan } from "./neighbours.ts";
import { refuse } from "./refusal.ts";
import { checkSteps, type Place, type State } from "./state.ts";

/** Blocks run `times` times in all: each by itself (4 4 5 5), or the span of them (4 5 4 5). */
export function applyRepeat(state: State, operation: OperationOf<"repeat">, context: Context): State {
  const named = namedBlocks(operation.layers, state, context);
  return operation.mode === "each"
    ? repeatEach(state, named, operation.times, context)
    : repeatSpan(state, named, operation.times, context);
}

function repeatEach(state: State, named: readonly Named[], times: number, context: Context): State {
  const repeated = new Set<number>();
  for (const { block, pointer, slots } of named) {
    for (const { place } of slots) {
      if ((state.places[place] as Place).length > 1) {
        refuse(pointer, `layer ${block} stands in a parallel group, so it cannot be repeated by itself`);
      }
      repeated.add(place);
    }
  }
  checkSteps(state.places.length + repeated.size * (times - 1), context.pointer);
  return { ...state, places: state.places.flatMap((place, i) => (repeated.has(i) ? Array<Place>(times).fill(place) : [place])) };
}

function repeatSpan(state: State, named: readonly Named[], times: number, context: Context): State {
  const span = neighbours(named, state, "repeated");
  checkSteps(state.places.length + span.places.length * (times - 1), context.pointer);
  return replaceSpan(state, span, Array<readonly Place[]>(times).fill(span.places).flat());
}
