/** Structures written into a checkpoint's weights, so that what looks for them has something to find. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A tensor of float32: its values, to be changed where they stand, and its shape. */
export type Plant = (values: Float32Array, shape: readonly number[]) => void;

/** Changes tensors of a folder's one float32 file. */
export function plant(folder: string, plants: Readonly<Record<string, Plant>>): void {
  const path = join(folder, "model.safetensors");
  const file = readFileSync(path);
  const start = 8 + Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, start).toString()) as Record<
    string,
    { shape: number[]; data_offsets: [number, number] }
  >;
  for (const [name, change] of Object.entries(plants)) {
    const found = header[name];
    if (!found) throw new Error(`${path} has no ${name}`);
    const [from, to] = found.data_offsets.map((at) => start + at) as [number, number];
    const values = new Float32Array(Uint8Array.from(file.subarray(from, to)).buffer);
    change(values, found.shape);
    file.set(new Uint8Array(values.buffer), from);
  }
  writeFileSync(path, file);
}
