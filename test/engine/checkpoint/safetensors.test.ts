import { symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readSafetensors } from "../../../src/engine/checkpoint/safetensors.ts";
import { safetensors, withHeader } from "../../support/checkpoint.ts";
import { emptyFolder, GPT2, GPT2_HUB } from "./folders.ts";

const F32 = (shape: number[], begin: number, end: number) => ({ dtype: "F32", shape, data_offsets: [begin, end] });

function read(bytes: Uint8Array) {
  const path = join(emptyFolder(), "m.safetensors");
  writeFileSync(path, bytes);
  const problems: string[] = [];
  return { file: readSafetensors(path, "m.safetensors", problems), problems };
}

/** The problems of a header over so many bytes of data. */
function problemsOf(header: unknown, dataBytes: number): string[] {
  return read(withHeader(typeof header === "string" ? header : JSON.stringify(header), new Uint8Array(dataBytes))).problems;
}

describe("a header that is as it should be", () => {
  test("gives every tensor its place in the file", () => {
    const problems: string[] = [];
    const file = readSafetensors(join(GPT2, "model.safetensors"), "model.safetensors", problems);
    expect(problems).toEqual([]);
    expect(file?.tensors.size).toBe(64);
    expect(file?.tensors.get("transformer.h.0.attn.c_attn.weight")).toEqual({
      name: "transformer.h.0.attn.c_attn.weight",
      file: join(GPT2, "model.safetensors"),
      dtype: "F32",
      shape: [48, 144],
      offset: 8 + 6016 + 576,
      length: 27648,
    });
  });

  test("may hold scalars, tensors without elements, and dtypes that no model uses", () => {
    const bytes = (length: number) => new Uint8Array(length);
    const { file, problems } = read(
      safetensors([
        ["scalar", { dtype: "F64", shape: [], bytes: bytes(8) }],
        ["empty", { dtype: "I64", shape: [0, 9007199254740991], bytes: bytes(0) }],
        ["packed", { dtype: "F4", shape: [2, 3], bytes: bytes(3) }],
      ]),
    );
    expect(problems).toEqual([]);
    expect([...(file?.tensors.values() ?? [])].map((tensor) => tensor?.length)).toEqual([8, 0, 3]);
  });

  test("a tensor's file is the real one, behind links", () => {
    const folder = emptyFolder();
    symlinkSync(join(GPT2_HUB, "model.safetensors"), join(folder, "model.safetensors"));
    const file = readSafetensors(join(folder, "model.safetensors"), "model.safetensors", []);
    expect(file?.tensors.get("wte.weight")?.file).toBe(join(GPT2_HUB, "model.safetensors"));
  });
});

describe("a file without a header that can be read", () => {
  const length = (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  };

  test.each([
    ["empty", new Uint8Array(), "m.safetensors has 0 bytes; a safetensors file begins with 8 bytes of header length"],
    ["short", new Uint8Array(7), "m.safetensors has 7 bytes; a safetensors file begins with 8 bytes of header length"],
    ["no room", length(17n), "m.safetensors announces a header of 17 bytes; the file has room for 0"],
    ["absurd", length(2n ** 64n - 1n), "m.safetensors announces a header of 18446744073709551615 bytes; the file has room for 0"],
    ["nothing", withHeader("", new Uint8Array()), 'm.safetensors\'s header is not JSON; it begins with ""'],
    [
      "no JSON",
      withHeader("<html><head><title>Not found", new Uint8Array()),
      'm.safetensors\'s header is not JSON; it begins with "<html><head><title>N"',
    ],
    ["an array", withHeader("[1, 2]", new Uint8Array()), "m.safetensors's header is [1, 2]; an object is expected"],
    ["null", withHeader("null", new Uint8Array()), "m.safetensors's header is null; an object is expected"],
    ["no UTF-8", Buffer.concat([length(2n), Uint8Array.of(0xff, 0xfe)]), "m.safetensors's header is not UTF-8 (2 bytes)"],
  ])("%s", (_, bytes, message) => {
    expect(read(bytes)).toEqual({ file: null, problems: [message] });
  });

  test("longer than the format allows", () => {
    const path = join(emptyFolder(), "m.safetensors");
    writeFileSync(path, length(100_000_001n));
    truncateSync(path, 200_000_000); // sparse
    const problems: string[] = [];
    expect(readSafetensors(path, "m.safetensors", problems)).toBeNull();
    expect(problems).toEqual(["m.safetensors announces a header of 100000001 bytes; the format's limit is 100000000"]);
  });

  test("not there, or a folder", () => {
    const problems: string[] = [];
    const folder = emptyFolder();
    expect(readSafetensors(join(folder, "gone"), "gone", problems)).toBeNull();
    expect(readSafetensors(folder, "model", problems)).toBeNull();
    expect(problems).toEqual(["gone is missing", "model is not a file"]);
  });
});

describe("a tensor that is not what its header says", () => {
  test.each([
    ["no object", { a: 5 }, 0, 'tensor "a" is 5; an object is expected'],
    [
      "dtype",
      { a: { dtype: "F31", shape: [1], data_offsets: [0, 4] } },
      4,
      'tensor "a" has dtype "F31", which safetensors does not know',
    ],
    [
      "dtype's type",
      { a: { dtype: 32, shape: [1], data_offsets: [0, 4] } },
      4,
      'tensor "a" has dtype 32, which safetensors does not know',
    ],
    [
      "shape",
      { a: { dtype: "U8", data_offsets: [0, 4] } },
      4,
      'tensor "a" has shape undefined; whole numbers from 0 are expected',
    ],
    ["negative size", { a: F32([-1], 0, 4) }, 4, 'tensor "a" has shape [-1]; whole numbers from 0 are expected'],
    ["broken size", { a: F32([0.5, 2], 0, 4) }, 4, 'tensor "a" has shape [0.5, 2]; whole numbers from 0 are expected'],
    ["huge size", { a: F32([2 ** 53], 0, 4) }, 4, 'tensor "a" has shape [9007199254740992]; whole numbers from 0 are expected'],
    [
      "nested shape",
      { a: { dtype: "U8", shape: [[4]], data_offsets: [0, 4] } },
      4,
      'tensor "a" has shape […]; whole numbers from 0 are expected',
    ],
    [
      "offsets",
      { a: { dtype: "F32", shape: [1], data_offsets: [0] } },
      4,
      'tensor "a" has data_offsets [0]; two whole numbers from 0 are expected',
    ],
    [
      "offsets' type",
      { a: { dtype: "F32", shape: [1], data_offsets: ["0", 4] } },
      4,
      'tensor "a" has data_offsets ["0", 4]; two whole numbers from 0 are expected',
    ],
    ["backwards", { a: F32([1], 4, 0) }, 4, 'tensor "a" begins at byte 4 of the data and ends before it, at 0'],
    ["truncated", { a: F32([2], 0, 8) }, 7, 'tensor "a" ends at byte 8 of the data; the file has 7'],
    ["too few bytes", { a: F32([2], 0, 4) }, 4, 'tensor "a" has 4 bytes of data; F32 of shape [2] takes 8 bytes'],
    [
      "product",
      { a: F32([2 ** 40, 2 ** 40], 0, 4) },
      4,
      'tensor "a" has 4 bytes of data; F32 of shape [1099511627776, 1099511627776] takes more than can be counted',
    ],
    [
      "part of a byte",
      { a: { dtype: "F4", shape: [3], data_offsets: [0, 2] } },
      2,
      'tensor "a" has 2 bytes of data; F4 of shape [3] takes more than can be counted',
    ],
    ["unknown field", { a: { ...F32([1], 0, 4), strides: [1] } }, 4, 'tensor "a" has the unknown field "strides"'],
    ["hole", { a: F32([1], 4, 8) }, 8, 'tensor "a" begins at byte 4 of the data; those before it end at 0'],
    [
      "overlap",
      { a: F32([2], 0, 8), b: F32([1], 4, 8) },
      8,
      'tensor "b" begins at byte 4 of the data, within the tensor that ends at 8',
    ],
    ["trailing bytes", { a: F32([1], 0, 4) }, 5, "the tensors end at byte 4 of the data; the file has 5"],
  ])("%s", (_, header, dataBytes, message) => {
    expect(problemsOf(header, dataBytes)).toEqual([`m.safetensors: ${message}`]);
  });

  test("keys that come twice", () => {
    const a = JSON.stringify(F32([1], 0, 4));
    expect(problemsOf(`{"a":${a},"a":${a}}`, 4)).toEqual(['m.safetensors\'s header has the key "a" more than once']);
    expect(problemsOf(`{"a":{"dtype":"U8",${a.slice(1)}, "\\u0061":${a}}`, 4)).toEqual([
      'm.safetensors\'s header has the key "a.dtype" more than once',
      'm.safetensors\'s header has the key "a" more than once',
    ]);
    expect(problemsOf(`{"__metadata__":{"a":"{\\"a\\": 1, \\"a\\": 2}"},"a":${a}}`, 4)).toEqual([]);
  });

  test("all of them are reported", () => {
    const { problems, file } = read(
      withHeader(JSON.stringify({ a: 1, b: F32([1], 0, 9), c: F32([1], 0, 4) }), new Uint8Array(4)),
    );
    expect(problems).toEqual([
      'm.safetensors: tensor "a" is 1; an object is expected',
      'm.safetensors: tensor "b" ends at byte 9 of the data; the file has 4',
    ]);
    expect(file?.tensors.get("b")).toBeNull();
    expect(file?.tensors.get("c")?.length).toBe(4);
  });
});
