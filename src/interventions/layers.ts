/** Layers as requests name them: 0 to L − 1, or −1 to −L from the end. Nothing below the operations sees a negative one. */
import type { ModelShape } from "./context.ts";
import { refuse } from "./refusal.ts";

/** What is needed of a model to say which layers it has. */
export type LayersOf = Pick<ModelShape, "id" | "nLayers">;

/** The block, 0-based, that a layer names. Refuses one that the model has not, with the range. */
export function layerNamed(layer: number, pointer: string, { id, nLayers }: LayersOf): number {
  if (layer >= nLayers || layer < -nLayers) {
    const has = nLayers === 1 ? "1 layer" : `${nLayers} layers`;
    refuse(pointer, `layer ${layer} is out of range: ${id} has ${has}, so layers ${-nLayers} to ${nLayers - 1}`);
  }
  return layer < 0 ? layer + nLayers : layer;
}

/** A layer as a refusal tells it: as it was named, with the block where that is another number: "-1 (layer 11)". */
export function layerSaid(layer: number, block: number): string {
  return layer === block ? String(block) : `${layer} (layer ${block})`;
}
