import { readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { widenBf16, widenF16 } from "../../../src/engine/checkpoint/half.ts";
import { openCheckpoint } from "../../../src/engine/checkpoint/open.ts";
import { openTensorFiles } from "../../../src/engine/checkpoint/rows.ts";
import { readSafetensors } from "../../../src/engine/checkpoint/safetensors.ts";
import type { BlockSpec, TensorRef } from "../../../src/engine/model-spec.ts";
import { writeRandomGpt2 } from "../../support/checkpoint.ts";
import { copyOf, emptyFolder, GPT2, GPT2_HUB, ROOT } from "./folders.ts";

function tensorFiles() {
  const files = openTensorFiles();
  onTestFinished(() => files.close());
  return files;
}

test.each([
  ["gpt2", GPT2],
  ["gpt2-hub", GPT2_HUB],
])("%s: token and position rows add up to what transformers feeds the first block", (name, folder) => {
  const files = tensorFiles();
  const { tokenEmbedding, positionEmbedding, dModel } = openCheckpoint(folder);
  const reference = readSafetensors(join(ROOT, `test/fixtures/reference/${name}.safetensors`), name, [])?.tensors;
  const expected = files.readTensor({ ...(reference?.get("resid_pre.0") as unknown as TensorRef), type: "F32" }); // [1, 24, d_model]
  const at = reference?.get("tokens");
  const tokens = Array.from(
    new BigInt64Array(readFileSync(at?.file ?? "").buffer.slice(at?.offset ?? 0, (at?.offset ?? 0) + 24 * 8)),
    Number,
  );
  const x = files.readRows(tokenEmbedding, tokens);
  const positions = files.readRows(positionEmbedding as TensorRef, [...tokens.keys()]);
  expect(x.length).toBe(24 * dModel);
  expect(x.map((value, i) => Math.fround(value + (positions[i] as number)))).toEqual(expected);
});

test.each(["F32", "F16", "BF16"] as const)("%s: rows are those of the whole tensor, in any order, again and again", (type) => {
  const folder = emptyFolder();
  writeRandomGpt2(folder, { type, vocabSize: 3000, dModel: 48 });
  const files = tensorFiles();
  const { tokenEmbedding } = openCheckpoint(folder);
  const all = files.readTensor(tokenEmbedding);
  expect(all.length).toBe(3000 * 48);
  const ids = [7, 8, 9, 2999, 0, 0, 8, 7, ...Array.from({ length: 1500 }, (_, i) => 1000 + i)];
  const rows = files.readRows(tokenEmbedding, ids);
  ids.forEach((id, i) => {
    expect(rows.subarray(i * 48, (i + 1) * 48)).toEqual(all.subarray(id * 48, (id + 1) * 48));
  });
  const deviation = Math.sqrt(all.reduce((sum, value) => sum + value * value, 0) / all.length);
  expect(deviation).toBeCloseTo(0.8, 1);
  expect(files.readRows(tokenEmbedding, [])).toHaveLength(0);
});

test("rows that a tensor does not have", () => {
  const files = tensorFiles();
  const { tokenEmbedding, finalNorm } = openCheckpoint(GPT2);
  for (const id of [320, -1, 0.5]) {
    expect(() => files.readRows(tokenEmbedding, [0, id])).toThrow(`row ${id} of transformer.wte.weight; it has rows 0 to 319`);
  }
  expect(() => files.readRows(finalNorm.weight, [0])).toThrow("transformer.ln_f.weight has 1 dimensions; rows are read of 2");
});

test("a file that has become shorter, or gone, is refused", () => {
  const folder = copyOf(GPT2);
  const files = tensorFiles();
  const { tokenEmbedding } = openCheckpoint(folder);
  truncateSync(join(folder, "model.safetensors"), tokenEmbedding.offset + 4);
  expect(() => files.readRows(tokenEmbedding, [5])).toThrow(
    "model.safetensors ends within the tensor transformer.wte.weight; it was longer when the model was opened.",
  );
  expect(() => files.readTensor({ ...tokenEmbedding, file: join(folder, "x.safetensors") })).toThrow(
    "x.safetensors cannot be opened any more; it was there when the model was opened.",
  );
});

test("half precision: every number that it has", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const [f16, bf16] = [new Float32Array(65536), new Float32Array(65536)];
  widenF16(all, f16);
  widenBf16(all, bf16);
  const at = (values: Float32Array, bits: number[]) => bits.map((i) => values[i]);
  expect(at(f16, [0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x3c00, 0xbc01, 0x7bff, 0x7c00, 0xfc00, 0x7e00])).toEqual([
    0,
    -0,
    2 ** -24,
    -1023 * 2 ** -24,
    2 ** -14,
    1,
    -(1 + 2 ** -10),
    65504,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]);
  expect(at(bf16, [0x0000, 0x8000, 0x3f80, 0xc049, 0x7f80, 0x7fc0])).toEqual([
    0,
    -0,
    1,
    -3.140625,
    Number.POSITIVE_INFINITY,
    Number.NaN,
  ]);
  for (let i = 0; i < 65536; i++) {
    const [sign, exponent, fraction] = [i >> 15 ? -1 : 1, (i >> 10) & 31, i & 1023];
    const value = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    if (exponent < 31 && f16[i] !== sign * value) expect.fail(`${i}: ${f16[i]} is not ${sign * value}`);
  }
});

test.each(["F32", "F16", "BF16"] as const)("%s: columns are those of the whole tensor", (type) => {
  const folder = emptyFolder();
  writeRandomGpt2(folder, { type, dModel: 48 });
  const files = tensorFiles();
  const [block] = openCheckpoint(folder).blocks as [BlockSpec];
  const { weight } = block.mlp.down; // [192, 48]
  const all = files.readTensor(weight);
  const expected = Float32Array.from({ length: 192 * 5 }, (_, i) => all[Math.floor(i / 5) * 48 + 7 + (i % 5)] as number);
  expect(files.readColumns(weight, 7, 5)).toEqual(expected);
  expect(files.readColumns(weight, 0, 48)).toEqual(all);
  expect(() => files.readColumns(weight, 44, 5)).toThrow(`columns 44 to 48 of ${weight.name}; it has columns 0 to 47`);
});
