/** Rotary position embedding in the block graph. Its tables are fed: see `rotary-tables.ts`. */
import type { ModelSpec, RotarySpec } from "../model-spec.ts";
import { FLOAT, type Graph } from "./onnx.ts";

/** The inputs that a table is fed by, [T, 1, dims/2] each. */
export interface RotaryNames {
  readonly cos: string;
  readonly sin: string;
}

/** A model's different rotary embeddings: one where it has any, unless its blocks differ. */
export function rotariesOf(spec: ModelSpec): readonly RotarySpec[] {
  const all = spec.blocks.flatMap(({ attention: { rotary } }) => (rotary ? [rotary] : []));
  return all.filter((rotary, index) => all.findIndex((other) => same(other, rotary)) === index);
}

export function rotaryNames(index: number): RotaryNames {
  return { cos: `rotary_cos_${index}`, sin: `rotary_sin_${index}` };
}

/** Declares the inputs of every table. */
export function rotaryInputs(graph: Graph, spec: ModelSpec): void {
  for (const [index, { dims }] of rotariesOf(spec).entries()) {
    const { cos, sin } = rotaryNames(index);
    for (const name of [cos, sin]) graph.input(name, FLOAT, ["T", 1, dims / 2]);
  }
}

/** The table that a block's attention reads. */
export function rotaryOf(spec: ModelSpec, rotary: RotarySpec): RotaryNames {
  return rotaryNames(rotariesOf(spec).findIndex((other) => same(other, rotary)));
}

/** Half-split pairs of a head's first `dims` dimensions turn by the angles of their position. [R, T, H, d_head], same shape. */
export function rotate(graph: Graph, { dims }: RotarySpec, headDim: number, { cos, sin }: RotaryNames, value: string): string {
  const rest = headDim - dims;
  const sizes = graph.int64(rest ? [dims / 2, dims / 2, rest] : [dims / 2, dims / 2]);
  const parts = graph.ops("Split", [value, sizes], rest ? 3 : 2, { axis: 3 });
  const [a, b] = parts as [string, string];
  const turnedA = graph.op("Sub", [graph.op("Mul", [a, cos]), graph.op("Mul", [b, sin])]);
  const turnedB = graph.op("Add", [graph.op("Mul", [b, cos]), graph.op("Mul", [a, sin])]);
  return graph.op("Concat", [turnedA, turnedB, ...parts.slice(2)], { axis: 3 });
}

function same(a: RotarySpec, b: RotarySpec): boolean {
  return (
    a === b || (a.dims === b.dims && a.inverseFrequencies.every((frequency, index) => frequency === b.inverseFrequencies[index]))
  );
}
