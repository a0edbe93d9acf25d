/** Lists of layers, heads and neurons as they are typed: 5, 2,3, 4-7, and from the end -1, -3--1 or 4--1. */
import type { RunRequestInput } from "../schemas/run-request.ts";
import { UsageError } from "./usage-error.ts";

/** As the API takes them. */
export type Layers = Extract<NonNullable<RunRequestInput["interventions"]>[number], { op: "delete" }>["layers"];

/** Sources of regular expressions: one layer, a layer or a range of them, a list of those. */
export const LAYER = String.raw`-?\d+`;
export const LAYER_RANGE = `${LAYER}(?:-${LAYER})?`;
export const LAYER_LIST = `${LAYER_RANGE}(?:,${LAYER_RANGE})*`;

const RANGE = new RegExp(`^(${LAYER})(?:-(${LAYER}))?$`);
const MAX_RANGE = 4096; // no model is deeper; keeps 0-999999999 from filling the memory

/** "2,4-6" → [2, 4, 5, 6]; "6-4" counts down. A range over the end, such as 4--1, is of no length that is known here. */
export function numbers(list = ""): number[] {
  return list.split(",").flatMap((part) => {
    const [from, to] = endsOf(part);
    if (from < 0 !== to < 0)
      throw new UsageError(
        `${part} goes from one end of the model to the other, which can be said of layers that are given alone.`,
      );
    const length = Math.abs(to - from) + 1;
    if (length > MAX_RANGE) throw new UsageError(`${part} is a range of ${length} layers; at most ${MAX_RANGE} can be written.`);
    return Array.from({ length }, (_, i) => (to < from ? from - i : from + i));
  });
}

/** Layers of a list: "4--1" is { from: 4, to: -1 }, everything else a list. */
export function layers(list = ""): Layers {
  if (!list.includes(",")) {
    const [from, to] = endsOf(list);
    if (from >= 0 && to < 0) return { from, to };
  }
  return numbers(list);
}

function endsOf(part: string): [number, number] {
  const [, from, to = from] = RANGE.exec(part) ?? [];
  return [Number(from), Number(to)];
}

/** "3,-1" → [3, −1] */
export function places(name: string, text: string, expected: string): number[] {
  return text.split(",").map((part) => {
    if (!/^-?\d{1,9}$/.test(part.trim())) throw new UsageError(`--${name} is ${JSON.stringify(text)}; it must be ${expected}.`);
    return Number(part);
  });
}
