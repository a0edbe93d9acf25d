/**
 * Cosines and sines of rotary angles, computed here and fed: a GPU's are good to three digits only, and the CPU's
 * vector kernels give a position other last bits depending on how many stand behind it.
 */
import { Tensor } from "onnxruntime-node";
import { rotariesOf, rotaryNames } from "../graph/rotary.ts";
import type { ModelSpec, RotarySpec } from "../model-spec.ts";

const MAX_LENGTHS = 64;
const tables = new WeakMap<ModelSpec, Map<number, Record<string, Tensor>>>();

/** All tables of a model for the positions 0 … length − 1. */
export function rotaryFeeds(spec: ModelSpec, length: number): Record<string, Tensor> {
  const known = tables.get(spec) ?? new Map<number, Record<string, Tensor>>();
  tables.set(spec, known);
  const found = known.get(length);
  if (found) return found;
  const feeds: Record<string, Tensor> = {};
  for (const [index, rotary] of rotariesOf(spec).entries()) {
    const { cos, sin } = rotaryNames(index);
    Object.assign(feeds, { [cos]: tableOf(rotary, length, Math.cos), [sin]: tableOf(rotary, length, Math.sin) });
  }
  if (known.size >= MAX_LENGTHS) known.clear();
  known.set(length, feeds);
  return feeds;
}

/** [T, 1, dims/2]; angles are products of float32 numbers, as every implementation has them. */
function tableOf({ inverseFrequencies }: RotarySpec, length: number, of: (angle: number) => number): Tensor {
  const width = inverseFrequencies.length;
  const values = new Float32Array(length * width);
  for (let position = 0; position < length; position++) {
    for (let i = 0; i < width; i++)
      values[position * width + i] = of(Math.fround(position * Math.fround(inverseFrequencies[i] as number)));
  }
  return new Tensor("float32", values, [length, 1, width]);
}
