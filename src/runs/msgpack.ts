/** Events as msgpack: maps, whose lists of numbers are typed arrays (extension 0x74 of msgpackr, little-endian). */
import { Packr } from "msgpackr";
import type { Tensor } from "../schemas/events.ts";
import type { WireEvent } from "./wire-event.ts";

const packr = new Packr({ useRecords: false, moreTypes: true, variableMapSize: true });

/** One map per event, one after the other. */
export function packEvents(events: readonly WireEvent[]): Uint8Array<ArrayBuffer> {
  const maps = events.map(({ json }) => Uint8Array.from(packr.pack(typed(JSON.parse(json)))));
  const bytes = new Uint8Array(maps.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const map of maps) {
    bytes.set(map, at);
    at += map.length;
  }
  return bytes;
}

/**
 * Lists of numbers become typed arrays: Int32Array in fields of whole numbers, else Float64Array with NaN for null. The
 * data of a tensor, base64 in JSON, becomes a Float32Array.
 */
export function typed(value: unknown, field = ""): unknown {
  if (Array.isArray(value)) return typedList(value, field);
  if (typeof value !== "object" || value === null) return value;
  if (isTensor(value)) return { ...value, shape: Int32Array.from(value.shape), data: float32(value.data) };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, typed(inner, key)]));
}

/** Their lists are of whole numbers; those of all other fields are measured, even where a measurement is whole. */
const WHOLE: ReadonlySet<string> = new Set(["positions", "blocks", "layer", "neurons", "ids"]);

function isTensor(value: object): value is Tensor {
  return (value as Partial<Tensor>).dtype === "float32";
}

/** A copy, aligned as the array needs it. */
function float32(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

function typedList(values: readonly unknown[], field: string): unknown {
  if (values.length === 0 || !values.every((value) => typeof value === "number" || value === null)) {
    return values.map((value) => typed(value, field));
  }
  if (WHOLE.has(field)) return Int32Array.from(values as number[]);
  return Float64Array.from(values as (number | null)[], (value) => value ?? Number.NaN);
}
