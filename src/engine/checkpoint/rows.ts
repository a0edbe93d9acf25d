/** Values of tensors, read in place and given as float32. */
import { closeSync, openSync, readSync } from "node:fs";
import type { TensorRef } from "../model-spec.ts";

export interface TensorFiles {
  /** Rows of a 2-D tensor [n, width], in the order asked for: [ids, width]. */
  readRows(tensor: TensorRef, ids: readonly number[]): Float32Array;
  close(): void;
}

/** Opens each file once, when it is first read from. */
export function openTensorFiles(): TensorFiles {
  const open = new Map<string, number>();
  return {
    readRows: (tensor, ids) => {
      const width = tensor.shape[1] as number;
      const stride = tensor.length / (tensor.shape[0] as number);
      let descriptor = open.get(tensor.file);
      if (descriptor === undefined) {
        descriptor = openSync(tensor.file, "r");
        open.set(tensor.file, descriptor);
      }
      const bytes = new Uint8Array(ids.length * stride);
      for (const [index, id] of ids.entries()) {
        const got = readSync(descriptor, bytes, index * stride, stride, tensor.offset + id * stride);
        if (got !== stride) throw new RangeError(`row ${id} of ${tensor.name}: ${got} bytes could be read, not ${stride}`);
      }
      return toFloat32(bytes, tensor.type, ids.length * width);
    },
    close: () => {
      for (const descriptor of open.values()) closeSync(descriptor);
      open.clear();
    },
  };
}

/** Little-endian values of a stored type. */
export function toFloat32(bytes: Uint8Array, type: TensorRef["type"], count: number): Float32Array {
  if (type === "F32") return new Float32Array(bytes.buffer, bytes.byteOffset, count);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, count);
  if (type === "F16") return Float32Array.from(halves, float16);
  const words = Uint32Array.from(halves, (half) => half * 65536);
  return new Float32Array(words.buffer);
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
