/** What experiments keep: plain data with typed arrays, as msgpack bytes. */
import { Packr } from "msgpackr";

const packr = new Packr({ moreTypes: true, useRecords: false, useFloat32: 0 });

/** Plain data as bytes; the same data gives the same bytes. */
export function pack(value: unknown): Uint8Array {
  return Uint8Array.from(packr.pack(value));
}

/** What was packed. Typed arrays are copies, aligned for their type. */
export function unpack<T>(bytes: Uint8Array): T {
  return packr.unpack(bytes) as T;
}
