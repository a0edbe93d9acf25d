/**
 * The safetensors format: 8 bytes, the header's length N as a little-endian unsigned 64-bit integer; N bytes, a JSON
 * object from tensor names to { dtype, shape, data_offsets: [begin, end] }, offsets counted from the header's end; the data.
 * "The byte buffer needs to be entirely indexed, and cannot contain holes."
 */

import { duplicateKeys } from "./duplicate-keys.ts";
import { decodeText, isObject, type JsonObject, parseObject, readAt, withFile } from "./files.ts";
import { counted, quote } from "./problems.ts";

/** "The header has a limit of 100 MB, to prevent parsing extremely large JSON." */
export const MAX_HEADER_BYTES = 100_000_000;

const LENGTH_BYTES = 8;

/** Bits of one element; those of less than a byte are packed. */
const DTYPE_BITS: ReadonlyMap<string, number> = new Map([
  ...["F4"].map((name) => [name, 4] as const),
  ...["F6_E2M3", "F6_E3M2"].map((name) => [name, 6] as const),
  ...["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"].map((name) => [name, 8] as const),
  ...["I16", "U16", "F16", "BF16"].map((name) => [name, 16] as const),
  ...["I32", "U32", "F32"].map((name) => [name, 32] as const),
  ...["I64", "U64", "F64", "C64"].map((name) => [name, 64] as const),
]);

/** A tensor of any dtype, in place in a file. */
export interface StoredTensor {
  readonly name: string;
  /** Real, absolute path. */
  readonly file: string;
  /** One of the format's dtypes; not only those that a model may use. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
  readonly length: number;
}

export interface SafetensorsFile {
  /** Real, absolute path. */
  readonly file: string;
  /** The header's JSON, as stored. */
  readonly header: Uint8Array;
  /** null: the header names it, but what it says of it is wrong and has been reported. */
  readonly tensors: ReadonlyMap<string, StoredTensor | null>;
}

/** Reads and checks a file's header; null where nothing can be made of it. Never throws: problems are added to the list. */
export function readSafetensors(path: string, name: string, problems: string[]): SafetensorsFile | null {
  return withFile(path, name, problems, (fd, size, file) => {
    if (size < LENGTH_BYTES) {
      problems.push(
        `${name} has ${counted(size, "byte")}; a safetensors file begins with ${LENGTH_BYTES} bytes of header length`,
      );
      return null;
    }
    const prefix = Buffer.alloc(LENGTH_BYTES);
    readAt(fd, prefix, 0);
    const length = prefix.readBigUInt64LE(0);
    const room = Math.min(MAX_HEADER_BYTES, size - LENGTH_BYTES);
    if (length > BigInt(room)) {
      const bound = room === MAX_HEADER_BYTES ? "the format's limit is" : "the file has room for";
      problems.push(`${name} announces a header of ${length} bytes; ${bound} ${room}`);
      return null;
    }
    const header = Buffer.alloc(Number(length));
    const got = readAt(fd, header, LENGTH_BYTES);
    if (got < header.length) {
      problems.push(`${name} ends within its header, after ${got} of ${header.length} bytes`);
      return null;
    }
    const tensors = readHeader(
      header,
      { name, file, dataStart: LENGTH_BYTES + header.length, dataBytes: size - LENGTH_BYTES - header.length },
      problems,
    );
    return tensors && { file, header, tensors };
  });
}

interface Place {
  readonly name: string;
  readonly file: string;
  /** Where the data begins, from the start of the file. */
  readonly dataStart: number;
  readonly dataBytes: number;
}

function readHeader(bytes: Uint8Array, place: Place, problems: string[]): Map<string, StoredTensor | null> | null {
  const header = parseObject(bytes, `${place.name}'s header`, problems);
  if (!header) return null;
  for (const key of duplicateKeys(decodeText(bytes) ?? ""))
    problems.push(`${place.name}'s header has the key ${quote(key)} more than once`);
  const tensors = new Map<string, StoredTensor | null>();
  let placed = true;
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const complain = (what: string): void => void problems.push(`${place.name}: tensor ${quote(name)} ${what}`);
    if (!isObject(entry)) {
      complain(`is ${quote(entry)}; an object is expected`);
      tensors.set(name, null);
      placed = false;
      continue;
    }
    const span = readOffsets(entry, place.dataBytes, complain);
    const elementBits = readDtype(entry, complain);
    const shape = readShape(entry, complain);
    for (const key of Object.keys(entry)) if (!FIELDS.has(key)) complain(`has the unknown field ${quote(key)}`);
    placed &&= span !== null;
    tensors.set(name, null);
    if (!span || !shape || elementBits === null) continue;
    const [begin, end] = span;
    const expected = byteLength(shape, elementBits);
    if (expected === end - begin) {
      tensors.set(name, {
        name,
        file: place.file,
        dtype: entry.dtype as string,
        shape,
        offset: place.dataStart + begin,
        length: end - begin,
      });
    } else {
      const wanted = expected === null ? "more than can be counted" : counted(expected, "byte");
      complain(`has ${counted(end - begin, "byte")} of data; ${entry.dtype} of shape ${quote(shape)} takes ${wanted}`);
    }
  }
  if (placed) checkIndexed(header, place, problems);
  return tensors;
}

const FIELDS: ReadonlySet<string> = new Set(["dtype", "shape", "data_offsets"]);

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Bits of one element, or null. */
function readDtype({ dtype }: JsonObject, complain: (what: string) => void): number | null {
  const bits = typeof dtype === "string" ? DTYPE_BITS.get(dtype) : undefined;
  if (bits === undefined) complain(`has dtype ${quote(dtype)}, which safetensors does not know`);
  return bits ?? null;
}

function readShape({ shape }: JsonObject, complain: (what: string) => void): number[] | null {
  if (Array.isArray(shape) && shape.every(isCount)) return shape;
  complain(`has shape ${quote(shape)}; whole numbers from 0 are expected`);
  return null;
}

function readOffsets(entry: JsonObject, dataBytes: number, complain: (what: string) => void): readonly [number, number] | null {
  const offsets = entry.data_offsets;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    complain(`has data_offsets ${quote(offsets)}; two whole numbers from 0 are expected`);
    return null;
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) complain(`begins at byte ${begin} of the data and ends before it, at ${end}`);
  else if (end > dataBytes) complain(`ends at byte ${end} of the data; the file has ${dataBytes}`);
  else return [begin, end];
  return null;
}

/** Bytes of a tensor; null where they are no safe integer of bytes. */
function byteLength(shape: readonly number[], elementBits: number): number | null {
  let bits = elementBits;
  for (const size of shape) bits *= size;
  return shape.includes(0) ? 0 : Number.isSafeInteger(bits) && bits % 8 === 0 ? bits / 8 : null;
}

/** The tensors, in the order of their offsets, follow each other without hole or overlap and fill the data. */
function checkIndexed(header: JsonObject, { name, dataBytes }: Place, problems: string[]): void {
  const spans = Object.entries(header)
    .filter(([tensor]) => tensor !== "__metadata__")
    .map(([tensor, entry]) => ({ tensor, offsets: (entry as { data_offsets: [number, number] }).data_offsets }))
    .sort((a, b) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1]);
  let filled = 0;
  for (const { tensor, offsets } of spans) {
    const [begin, end] = offsets;
    if (begin < filled)
      problems.push(
        `${name}: tensor ${quote(tensor)} begins at byte ${begin} of the data, within the tensor that ends at ${filled}`,
      );
    if (begin > filled)
      problems.push(`${name}: tensor ${quote(tensor)} begins at byte ${begin} of the data; those before it end at ${filled}`);
    filled = Math.max(filled, end);
  }
  if (filled < dataBytes) problems.push(`${name}: the tensors end at byte ${filled} of the data; the file has ${dataBytes}`);
}
