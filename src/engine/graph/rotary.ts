/** Rotary position embedding in the graph of the blocks. Its tables are fed, those of the block that runs: see `rotary-tables.ts`. */
import type { ModelSpec, RotarySpec } from "../model-spec.ts";
import { FLOAT, type Graph } from "./onnx.ts";

const COS = "rotary_cos";
const SIN = "rotary_sin";
/** The inputs that tables are fed by, [T, 1, dims/2] each. */
export const ROTARY_INPUTS = [COS, SIN] as const;

/** A rotary embedding of the model, whose `dims` all of its blocks have; null: it has none. */
export function rotaryOf({ blocks }: ModelSpec): RotarySpec | null {
  return blocks.find(({ attention }) => attention.rotary)?.attention.rotary ?? null;
}

/** Declares the inputs of the tables, where the model is rotary. */
export function rotaryInputs(graph: Graph, spec: ModelSpec): void {
  const rotary = rotaryOf(spec);
  if (rotary) for (const name of ROTARY_INPUTS) graph.input(name, FLOAT, ["T", 1, rotary.dims / 2]);
}

/** Half-split pairs of a head's first `dims` dimensions turn by the angles of their position. [R, T, H, d_head], same shape. */
export function rotate(graph: Graph, { dims }: RotarySpec, headDim: number, value: string): string {
  const rest = headDim - dims;
  const sizes = graph.int64(rest ? [dims / 2, dims / 2, rest] : [dims / 2, dims / 2]);
  const parts = graph.ops("Split", [value, sizes], rest ? 3 : 2, { axis: 3 });
  const [a, b] = parts as [string, string];
  const turnedA = graph.op("Sub", [graph.op("Mul", [a, COS]), graph.op("Mul", [b, SIN])]);
  const turnedB = graph.op("Add", [graph.op("Mul", [b, COS]), graph.op("Mul", [a, SIN])]);
  return graph.op("Concat", [turnedA, turnedB, ...parts.slice(2)], { axis: 3 });
}
