import type { Named } from "./named.ts";
import { onlySlot } from "./named.ts";
import { refuse } from "./refusal.ts";
import type { Place, State } from "./state.ts";

/** A run of places next to each other. */
export interface Span {
  readonly start: number;
  readonly places: readonly Place[];
}

/**
 * The places of blocks that must stand next to each other, each once and in a place of its own, in the order in which
 * they run. Others are refused: "so they cannot be <participle> together".
 */
export function neighbours(named: readonly Named[], state: State, participle: string): Span {
  const at = named.map((one) => {
    const { place } = onlySlot(one, participle);
    if ((state.places[place] as Place).length > 1) {
      refuse(one.pointer, `layer ${one.block} stands in a parallel group, so it cannot be ${participle} by itself`);
    }
    return { ...one, place };
  });
  at.sort((a, b) => a.place - b.place);
  for (const [i, one] of at.entries()) {
    const before = at[i - 1];
    if (before && one.place !== before.place + 1) {
      refuse(
        one.pointer,
        `layers ${before.block} and ${one.block} are not neighbours in the schedule, so they cannot be ${participle} together`,
      );
    }
  }
  const start = at[0]?.place ?? 0;
  return { start, places: state.places.slice(start, start + at.length) };
}

/** The places with a span exchanged for others. */
export function replaceSpan(state: State, span: Span, places: readonly Place[]): State {
  return {
    ...state,
    places: [...state.places.slice(0, span.start), ...places, ...state.places.slice(span.start + span.places.length)],
  };
}
