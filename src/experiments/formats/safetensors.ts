/** Tensors as a safetensors file: the header's length, a header of JSON, and then the numbers, little-endian. */

export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Row-major: F32 or I64. */
  readonly values: Float32Array | BigInt64Array;
}

/** Where the numbers begin, and the length field before the header, are multiples of it. */
const ALIGNMENT = 8;

/**
 * The bytes of a file. `metadata`: texts by name, for `__metadata__`. Tensors of I64 come first, so that all are aligned.
 * RangeError for a shape that does not fit, or a name twice.
 */
export function writeSafetensors(tensors: readonly Tensor[], metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const ordered = tensors.toSorted((a, b) => b.values.BYTES_PER_ELEMENT - a.values.BYTES_PER_ELEMENT);
  const entries: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const { name, shape, values } of ordered) {
    if (shape.reduce((product, size) => product * size, 1) !== values.length)
      throw new RangeError(`the tensor ${name} has ${values.length} numbers, not a shape of [${shape.join(", ")}]`);
    if (name in entries) throw new RangeError(`there are two tensors named ${name}`);
    const begin = end;
    end += values.byteLength;
    entries[name] = { dtype: values instanceof Float32Array ? "F32" : "I64", shape, data_offsets: [begin, end] };
  }
  const json = Buffer.from(JSON.stringify(entries));
  const headerBytes = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const file = new Uint8Array(ALIGNMENT + headerBytes + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, ALIGNMENT, ALIGNMENT + headerBytes);
  file.set(json, ALIGNMENT);
  let at = ALIGNMENT + headerBytes;
  for (const { values } of ordered) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return file;
}
