/** The safetensors format: eight bytes of header length (little-endian), a JSON header, then the tensors' bytes. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { TensorRef, TensorType } from "../model-spec.ts";

/** The format's own limit on a header; a larger number is a damaged file, not a large model. */
export const MAX_HEADER_BYTES = 100_000_000;
/** More dimensions than any weight has. */
const MAX_DIMENSIONS = 8;
const BYTES_PER_VALUE: Readonly<Record<string, number>> = {
  BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, I16: 2, U16: 2, F16: 2, BF16: 2, I32: 4, U32: 4, F32: 4, F64: 8, I64: 8, U64: 8,
};

/** A tensor as the file describes it; of a type that may not be usable as a weight. */
export interface StoredTensor extends Omit<TensorRef, "type"> {
  readonly type: string;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The header's bytes as they stand: part of a model's revision. */
  readonly header: Uint8Array;
}

/** Whether a stored type is one that weights can be read from. */
export function isWeightType(type: string): type is TensorType {
  return type === "F32" || type === "F16" || type === "BF16";
}

/** Reads and checks a file's header. What is wrong is added to `problems`; what is right is returned. */
export function readSafetensors(path: string, label: string, problems: string[]): SafetensorsFile {
  const none: SafetensorsFile = { tensors: new Map(), header: new Uint8Array() };
  let descriptor: number;
  let file: string;
  try {
    file = realpathSync(path);
    descriptor = openSync(file, "r");
  } catch {
    problems.push(`${label} cannot be opened`);
    return none;
  }
  try {
    const size = fstatSync(descriptor).size;
    if (!fstatSync(descriptor).isFile()) return refuse(`${label} is not a file`);
    if (size < 8) return refuse(`${label} has ${size} bytes; a safetensors file has at least 8`);
    const prefix = Buffer.alloc(8);
    readSync(descriptor, prefix, 0, 8, 0);
    const length = prefix.readBigUInt64LE();
    if (length > BigInt(MAX_HEADER_BYTES)) return refuse(`${label}: its header would have ${length} bytes; at most ${MAX_HEADER_BYTES} are allowed`);
    if (8n + length > BigInt(size)) return refuse(`${label}: its header would end at byte ${8n + length}, but the file has ${size}`);
    const header = new Uint8Array(Number(length));
    readSync(descriptor, header, 0, header.length, 8);
    const parsed = parseObject(Buffer.from(header).toString("utf8"));
    if (!parsed) return refuse(`${label}: its header is not a JSON object`);
    return { tensors: checkEntries(parsed, file, label, header.length + 8, size, problems), header };
  } finally {
    closeSync(descriptor);
  }

  function refuse(problem: string): SafetensorsFile {
    problems.push(problem);
    return none;
  }
}

/**
 * All tensors of a folder: of model.safetensors, or of the shards that model.safetensors.index.json names. A shard
 * is a file of the folder itself (it may be a symlink, as in the hub's cache).
 */
export function readFolder(folder: string, files: readonly string[], problems: string[]): SafetensorsFile {
  if (files.includes("model.safetensors")) return readSafetensors(join(folder, "model.safetensors"), "model.safetensors", problems);
  const index = "model.safetensors.index.json";
  const weightMap = parseObject(readFileSync(join(folder, index), "utf8"))?.weight_map;
  const tensors = new Map<string, StoredTensor>();
  if (!isRecord(weightMap)) {
    problems.push(`${index} has no object "weight_map"`);
    return { tensors, header: new Uint8Array() };
  }
  const shards = new Map<string, SafetensorsFile>();
  const headers: Uint8Array[] = [];
  for (const [name, shard] of Object.entries(weightMap)) {
    if (typeof shard !== "string" || !/^[^/\\]+$/.test(shard) || shard === "." || shard === ".." || shard.includes("\0")) {
      problems.push(`${index}: the shard of ${name} is ${JSON.stringify(shard)}, which is not the name of a file in the folder`);
      continue;
    }
    let file = shards.get(shard);
    if (!file) {
      if (files.includes(shard)) file = readSafetensors(join(folder, shard), shard, problems);
      else {
        problems.push(`${index} names the shard ${shard}, which is missing`);
        file = { tensors: new Map(), header: new Uint8Array() };
      }
      shards.set(shard, file);
      headers.push(file.header);
    }
    const tensor = file.tensors.get(name);
    if (tensor) tensors.set(name, tensor);
    else if (file.header.length > 0) problems.push(`${index} says that ${name} is in ${shard}, but it is not`);
  }
  return { tensors, header: Buffer.concat(headers) };
}

function checkEntries(header: Record<string, unknown>, file: string, label: string, start: number, size: number, problems: string[]): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const checked = checkEntry(name, entry, file, start, size);
    if (typeof checked === "string") problems.push(`${label}: the tensor ${name} ${checked}`);
    else tensors.set(name, checked);
  }
  const byOffset = [...tensors.values()].filter(({ length }) => length > 0).sort((a, b) => a.offset - b.offset);
  for (const [index, tensor] of byOffset.entries()) {
    const before = byOffset[index - 1];
    if (before && before.offset + before.length > tensor.offset) {
      problems.push(`${label}: the tensors ${before.name} and ${tensor.name} overlap`);
    }
  }
  return tensors;
}

/** The tensor, or what is wrong with it. */
function checkEntry(name: string, entry: unknown, file: string, start: number, size: number): StoredTensor | string {
  if (!isRecord(entry)) return "is not described by an object";
  const { dtype, shape, data_offsets: offsets } = entry;
  const width = typeof dtype === "string" && Object.hasOwn(BYTES_PER_VALUE, dtype) ? BYTES_PER_VALUE[dtype] : undefined;
  if (typeof dtype !== "string" || width === undefined) return `has the unknown type ${JSON.stringify(dtype)}`;
  if (!isCounts(shape) || shape.length > MAX_DIMENSIONS) return `has the shape ${JSON.stringify(shape)}, which is not a list of at most ${MAX_DIMENSIONS} sizes`;
  if (!isCounts(offsets) || offsets.length !== 2) return `has the offsets ${JSON.stringify(offsets)}, which are not two byte counts`;
  const [from, to] = offsets as [number, number];
  const length = to - from;
  if (length < 0) return `ends at byte ${to}, before it begins at ${from}`;
  if (start + to > size) return `ends at byte ${start + to}, but the file has ${size}`;
  const expected = shape.reduce((product, each) => product * each, width);
  if (expected !== length) return `has ${length} bytes; the shape [${shape.join(", ")}] of ${dtype} takes ${expected}`;
  return { name, file, type: dtype, shape, offset: start + from, length };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON object, or undefined where the text is none. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
