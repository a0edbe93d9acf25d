import type { BlockUse, Component, Schedule } from "../engine/schedule.ts";
import { MAX_STEPS } from "../schemas/limits.ts";
import { type Edits, type Extent, editsOf } from "./edits.ts";
import { refuse } from "./refusal.ts";

/** A block at a place; with a component, only that half of it. */
export interface Stand {
  readonly block: number;
  readonly component?: Component;
}

/** One block, or several: a parallel group. */
export type Place = readonly Stand[];

/** The schedule in the making. Places are moved; edits are bound to blocks, and go where their block goes. */
export interface State {
  readonly places: readonly Place[];
  readonly edits: Edits;
}

/** Where a block stands: which place, and which of the blocks there. */
export interface Slot {
  readonly place: number;
  readonly index: number;
}

/** The untouched model. */
export function initialState(nLayers: number): State {
  return { places: Array.from({ length: nLayers }, (_, block) => [{ block }]), edits: new Map() };
}

/** The slots of every block that still stands, in the order they run. */
export function slotsByBlock(places: readonly Place[]): ReadonlyMap<number, readonly Slot[]> {
  const slots = new Map<number, Slot[]>();
  for (const [place, stands] of places.entries()) {
    for (const [index, { block }] of stands.entries()) {
      const known = slots.get(block);
      if (known) known.push({ place, index });
      else slots.set(block, [{ place, index }]);
    }
  }
  return slots;
}

/** What stands at a slot. */
export function standAt(places: readonly Place[], slot: Slot): Stand {
  return (places[slot.place] as Place)[slot.index] as Stand;
}

/** The places with other blocks at some slots. Half a block that would come into a parallel group is refused. */
export function withStands(places: readonly Place[], changes: readonly (readonly [Slot, Stand])[], pointer: string): Place[] {
  for (const [slot, { block, component }] of changes) {
    if (component !== undefined && (places[slot.place] as Place).length > 1) {
      refuse(pointer, `layer ${block} stands with its ${component} alone; only whole blocks can run in parallel`);
    }
  }
  const next = places.map((stands) => [...stands]);
  for (const [slot, stand] of changes) (next[slot.place] as Stand[])[slot.index] = stand;
  return next;
}

/** Refuses a schedule that grows too long, before it is built. */
export function checkSteps(count: number, pointer: string): void {
  if (count > MAX_STEPS) refuse(pointer, `the schedule would have ${count} steps, more than the most allowed, ${MAX_STEPS}`);
}

/** The schedule of a state, as the engine runs it. Equal computations give equal steps. */
export function toSchedule(name: string, state: State, extent: Extent): Schedule {
  const uses = new Map<string, BlockUse>();
  const use = (stand: Stand): BlockUse => {
    const key = `${stand.block} ${stand.component ?? ""}`;
    const known = uses.get(key);
    if (known) return known;
    const edits = editsOf(state.edits, stand, extent);
    const made: BlockUse = edits.length > 0 ? { ...stand, edits } : { ...stand };
    uses.set(key, made);
    return made;
  };
  return { name, steps: state.places.map((place) => place.map(use)) };
}
