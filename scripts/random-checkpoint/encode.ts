import type { TensorType } from "../../src/engine/model-spec.ts";

export const BYTES_OF: Readonly<Record<TensorType, number>> = { F32: 4, F16: 2, BF16: 2 };

/** The values as a file has them. F32: the array's own bytes. */
export function encode(values: Float32Array, type: TensorType): Uint8Array {
  if (type === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const narrow = type === "BF16" ? narrowBf16 : narrowF16;
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) halves[i] = narrow(bits[i] as number);
  return new Uint8Array(halves.buffer);
}

/** Upper half of a float32's bits, to the nearest, ties to even. */
function narrowBf16(bits: number): number {
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** binary16 of a float32's bits, to the nearest, ties to even; what is too small to be normal becomes 0. */
function narrowF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const rounded = (bits & 0x7fffffff) + 0xfff + ((bits >>> 13) & 1);
  const exponent = (rounded >>> 23) - 112;
  if (exponent <= 0) return sign;
  return sign | (exponent >= 31 ? 0x7c00 : (exponent << 10) | ((rounded >>> 13) & 0x3ff));
}
