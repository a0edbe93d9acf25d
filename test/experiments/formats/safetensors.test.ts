/** Files of tensors, read back by the tests' own reader. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeSafetensors } from "../../../src/experiments/formats/safetensors.ts";
import { readReference } from "../../support/reference.ts";

test("what is written is read, bit for bit, numbers on boundaries of their size", () => {
  const bytes = writeSafetensors(
    [
      { name: "x.0", shape: [2, 3], values: Float32Array.of(1, -0, 1e-45, 3.4e38, Number.NaN, -2.5) },
      { name: "index", shape: [1, 3], values: BigInt64Array.of(0n, 2n ** 40n, -1n) },
      { name: "none", shape: [0, 4], values: new Float32Array() },
    ],
    { model: 'a "b" é' },
  );
  const path = join(mkdtempSync(join(tmpdir(), "stratascope-tensors-")), "x.safetensors");
  writeFileSync(path, bytes);
  const file = readReference(path);
  expect(file.names().sort()).toEqual(["index", "none", "x.0"]);
  expect(file.shape("x.0")).toEqual([2, 3]);
  expect([...file.values("x.0")]).toEqual([1, -0, 1.401298464324817e-45, Math.fround(3.4e38), Number.NaN, -2.5]);
  expect(file.ids("index")).toEqual([0, 2 ** 40, -1]);
  expect(file.values("none")).toHaveLength(0);
  const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  expect(header % 8).toBe(0);
  const { __metadata__, ...tensors } = JSON.parse(Buffer.from(bytes.subarray(8, 8 + header)).toString()) as Record<
    string,
    { dtype: string; data_offsets: number[] }
  >;
  expect(__metadata__).toEqual({ model: 'a "b" é' });
  expect(tensors).toMatchObject({
    index: { dtype: "I64", data_offsets: [0, 24] },
    "x.0": { dtype: "F32", data_offsets: [24, 48] },
  });
  expect(bytes.length).toBe(8 + header + 48);
});

test("a view of a larger buffer is written alone", () => {
  const all = Float32Array.of(1, 2, 3, 4);
  const bytes = writeSafetensors([{ name: "x", shape: [2], values: all.subarray(1, 3) }]);
  expect([...new Float32Array(bytes.slice(-8).buffer)]).toEqual([2, 3]);
});

test("shapes that do not fit and names twice are refused", () => {
  const x = { name: "x", shape: [2], values: new Float32Array(2) };
  expect(() => writeSafetensors([{ ...x, shape: [2, 2] }])).toThrow("the tensor x has 2 numbers, not a shape of [2, 2]");
  expect(() => writeSafetensors([x, x])).toThrow("there are two tensors named x");
});
