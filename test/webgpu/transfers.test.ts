/** Vectors gathered on the device, from any number of places. */
import { Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Chunk, consecutive } from "../../src/engine/backend/webgpu/streams.ts";
import { type Part, Transfers } from "../../src/engine/backend/webgpu/transfers.ts";

const D = 5;
let transfers: Transfers;

beforeAll(async () => {
  transfers = await Transfers.create({ device: "webgpu", threads: 1, weights: "packed", half: null }, D);
});
afterAll(() => transfers.close());

/** Vectors that say who they are: chunk · 100 + row. */
function chunkOf(index: number, count: number): Chunk {
  const values = Float32Array.from({ length: count * D }, (_, i) => index * 100 + Math.floor(i / D));
  return new Chunk(transfers.upload(new Tensor("float32", values, [count, D])), count);
}

async function namesOf(tensor: Tensor): Promise<number[]> {
  const values = await transfers.download(tensor);
  return Array.from({ length: values.length / D }, (_, row) => values[row * D] as number);
}

test.each([1, 2, 8, 9, 30])("rows of %i chunks, in any order and more than once", async (count) => {
  const chunks = Array.from({ length: count }, (_, index) => chunkOf(index, 3 + (index % 4)));
  const parts: Part[] = [...chunks, ...chunks].map((chunk, index) => ({
    chunk,
    rows: Int32Array.of((index * 2) % chunk.count, 0, chunk.count - 1),
  }));
  const expected = parts.flatMap(({ chunk, rows }) => [...rows].map((row) => chunks.indexOf(chunk) * 100 + row));
  const gathered = await transfers.gather(parts, [1, parts.length, 3]);
  expect(gathered.dims).toEqual([1, parts.length, 3, D]);
  expect(await namesOf(gathered)).toEqual(expected);
  gathered.dispose();
  for (const chunk of chunks) chunk.release();
});

test("what a call still gathers from outlives its last holder", async () => {
  const chunk = chunkOf(7, 4);
  const gathering = transfers.gather([{ chunk, rows: consecutive(1, 2) }], [2]);
  chunk.release();
  expect(await namesOf(await gathering)).toEqual([701, 702]);
  await expect(transfers.gather([{ chunk, rows: consecutive(0, 1) }], [1])).rejects.toThrow();
});

test("edits and means", async () => {
  const chunk = chunkOf(1, 4);
  const rows = () => transfers.gather([{ chunk, rows: consecutive(0, 4) }], [4]);
  const scale = new Tensor("float32", Float32Array.of(1, 0, 2, -1), [4, 1]);
  const add = new Tensor("float32", new Float32Array(4 * D).fill(0.5), [4, D]);
  expect(await namesOf(await transfers.edit(await rows(), scale, add))).toEqual([100.5, 0.5, 204.5, -102.5]);
  const stacked = await transfers.gather([{ chunk, rows: consecutive(0, 4) }], [2, 2]);
  expect(await namesOf(await transfers.mean(stacked))).toEqual([101, 102]);
});
