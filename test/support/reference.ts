/** Reads the fixtures' expected tensors: a plain reader of its own, so that it cannot share a mistake with ours. */
import { readFileSync } from "node:fs";

export interface Reference {
  /** Values in row-major order. */
  values(name: string): Float32Array;
  /** Of a tensor of float64. */
  doubles(name: string): Float64Array;
  ids(name: string): number[];
  shape(name: string): number[];
  names(): string[];
}

export function readReference(path: string): Reference {
  const file = readFileSync(path);
  const headerLength = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, 8 + headerLength).toString()) as Record<
    string,
    { shape: number[]; data_offsets: [number, number] }
  >;
  const entry = (name: string) => {
    const found = header[name];
    if (!found) throw new Error(`${path} has no ${name}`);
    return found;
  };
  const bytes = (name: string) => {
    const [from, to] = entry(name).data_offsets;
    return Uint8Array.from(file.subarray(8 + headerLength + from, 8 + headerLength + to)).buffer;
  };
  return {
    values: (name) => new Float32Array(bytes(name)),
    ids: (name) => Array.from(new BigInt64Array(bytes(name)), Number),
    shape: (name) => entry(name).shape,
    doubles: (name) => new Float64Array(bytes(name)),
    names: () => Object.keys(header).filter((name) => name !== "__metadata__"),
  };
}

/** ‖a − b‖₂ / ‖b‖₂ */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += ((actual[i] as number) - (expected[i] as number)) ** 2;
    norm += (expected[i] as number) ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** ln softmax, in float64. */
export function logSoftmax(logits: ArrayLike<number>): Float64Array {
  let peak = -Infinity;
  for (let i = 0; i < logits.length; i++) peak = Math.max(peak, logits[i] as number);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] as number) - peak);
  const lse = peak + Math.log(sum);
  return Float64Array.from({ length: logits.length }, (_, i) => (logits[i] as number) - lse);
}
