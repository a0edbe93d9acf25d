import type { Site } from "../engine/schedule.ts";
import type { Layers } from "../schemas/operations.ts";
import type { Context } from "./context.ts";
import { componentOf } from "./edits.ts";
import { type LayersOf, layerNamed, layerSaid } from "./layers.ts";
import { refuse } from "./refusal.ts";
import { type Slot, type State, slotsByBlock, standAt } from "./state.ts";

/** A block that an operation names, where it does so, and where the block now stands. */
export interface Named {
  readonly block: number;
  readonly pointer: string;
  readonly slots: readonly Slot[];
}

/** The layers of a list or range, each once and each of the model, in the order they were named. */
export function listLayers(layers: Layers, pointer: string, model: LayersOf): { block: number; pointer: string }[] {
  if (!Array.isArray(layers)) {
    const from = layerNamed(layers.from, `${pointer}/from`, model);
    const to = layerNamed(layers.to, `${pointer}/to`, model);
    if (from > to) {
      const said = `${layerSaid(layers.from, from)} to ${layerSaid(layers.to, to)}`;
      refuse(pointer, `a range from ${said} has no layers: from may not be more than to`);
    }
    return Array.from({ length: to - from + 1 }, (_, i) => ({ block: from + i, pointer }));
  }
  const seen = new Set<number>();
  return layers.map((layer, i) => {
    const at = `${pointer}/${i}`;
    const block = layerNamed(layer, at, model);
    if (seen.has(block)) refuse(at, `layer ${layerSaid(layer, block)} is named twice`);
    seen.add(block);
    return { block, pointer: at };
  });
}

/** Layers that an operation names, with the slots where they now stand. One that was taken out is refused. */
export function namedBlocks(layers: Layers, state: State, context: Context): readonly Named[] {
  const slots = slotsByBlock(state.places);
  return listLayers(layers, `${context.pointer}/layers`, context.model).map(({ block, pointer }) => ({
    block,
    pointer,
    slots: slots.get(block) ?? gone(block, pointer),
  }));
}

/** One layer of a field of its own. */
export function namedBlock(layer: number, field: string, state: State, context: Context): Named {
  const pointer = `${context.pointer}/${field}`;
  const block = layerNamed(layer, pointer, context.model);
  return { block, pointer, slots: slotsByBlock(state.places).get(block) ?? gone(block, pointer) };
}

/** Where a block stands that an operation is about to move. One that stands more than once is refused. */
export function onlySlot(named: Named, participle: string): Slot {
  if (named.slots.length > 1) {
    refuse(
      named.pointer,
      `layer ${named.block} stands ${named.slots.length} times, so it cannot be ${participle}; say with "order" what runs where`,
    );
  }
  return named.slots[0] as Slot;
}

/** Refuses a block that an earlier operation took out. */
export function gone(block: number, pointer: string): never {
  refuse(pointer, `layer ${block} cannot be named any more: an earlier operation took it out`);
}

/** Refuses a site of a half that runs nowhere: to change it would change nothing. */
export function checkRuns({ block, pointer, slots }: Named, site: Site, state: State): void {
  const half = componentOf(site);
  if (half === null) return;
  const runs = slots.some((slot) => (standAt(state.places, slot).component ?? half) === half);
  if (!runs) refuse(pointer, `the ${half} of layer ${block} does not run any more: an earlier operation left it out`);
}
