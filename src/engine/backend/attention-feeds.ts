/**
 * What a block's attention is fed with: the scale of its scores, and cosines and sines of its rotary angles, computed here:
 * a GPU's are good to three digits only, and the CPU's vector kernels give a position other last bits depending on how
 * many stand behind it.
 */
import { LRUCache } from "lru-cache";
import { Tensor } from "onnxruntime-node";
import { ROTARY_INPUTS, rotaryOf } from "../graph/rotary.ts";
import type { ModelSpec, RotarySpec } from "../model-spec.ts";

/** Of tables that are kept for the next call of that length: some of thousands of tokens, or hundreds of short ones. */
const TABLE_BYTES = 2 ** 24;

interface Known {
  readonly scales: readonly Tensor[];
  /** By block: the number of its table; blocks that turn alike share one. */
  readonly tableOf: readonly number[];
  readonly rotaries: readonly RotarySpec[];
  /** By table and length. */
  readonly tables: LRUCache<string, Readonly<Record<string, Tensor>>>;
}

const models = new WeakMap<ModelSpec, Known>();

/** Scale and tables of a block for the positions 0 … length − 1. The same tensors as long as they are remembered. */
export function attentionFeeds(spec: ModelSpec, block: number, length: number): Record<string, Tensor> {
  const known = models.get(spec) ?? first(spec);
  models.set(spec, known);
  const feeds = { scale: known.scales[block] as Tensor };
  const table = known.tableOf[block] as number;
  const rotary = known.rotaries[table];
  if (!rotary) return feeds;
  const key = `${table} ${length}`;
  const found = known.tables.get(key) ?? tables(rotary, length);
  known.tables.set(key, found);
  return { ...feeds, ...found };
}

function first(spec: ModelSpec): Known {
  const some = rotaryOf(spec);
  const rotaries: RotarySpec[] = [];
  const tableOf = spec.blocks.map(({ attention: { rotary } }) => {
    // A block without rotary positions in a model that has them turns by nothing.
    const own = rotary ?? (some && { dims: some.dims, inverseFrequencies: some.inverseFrequencies.map(() => 0) });
    if (!own) return 0;
    const at = rotaries.findIndex((other) => same(other, own));
    return at >= 0 ? at : rotaries.push(own) - 1;
  });
  return {
    scales: spec.blocks.map(({ attention: { scale } }) => new Tensor("float32", Float32Array.of(scale), [])),
    tableOf,
    rotaries,
    tables: new LRUCache({
      maxSize: TABLE_BYTES,
      sizeCalculation: (held) => Object.values(held).reduce((sum, { size }) => sum + size * 4, 0),
    }),
  };
}

/** [T, 1, dims/2] each; angles are products of float32 numbers, as every implementation has them. */
function tables({ inverseFrequencies }: RotarySpec, length: number): Record<string, Tensor> {
  const width = inverseFrequencies.length;
  const table = (of: (angle: number) => number): Tensor => {
    const values = new Float32Array(length * width);
    for (let position = 0; position < length; position++) {
      for (let i = 0; i < width; i++)
        values[position * width + i] = of(Math.fround(position * Math.fround(inverseFrequencies[i] as number)));
    }
    return new Tensor("float32", values, [length, 1, width]);
  };
  const [cos, sin] = ROTARY_INPUTS;
  return { [cos]: table(Math.cos), [sin]: table(Math.sin) };
}

function same(a: RotarySpec, b: RotarySpec): boolean {
  return (
    a === b || (a.dims === b.dims && a.inverseFrequencies.every((frequency, index) => frequency === b.inverseFrequencies[index]))
  );
}
