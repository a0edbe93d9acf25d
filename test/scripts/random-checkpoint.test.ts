import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openCheckpoint } from "../../src/engine/checkpoint/open.ts";
import { emptyFolder } from "../engine/checkpoint/folders.ts";
import { writeRandom } from "../support/checkpoint.ts";
import { readReference } from "../support/reference.ts";

const SHAPE = { nLayers: 2, dModel: 256, nHeads: 4, dMlp: 1200, vocabSize: 1000 };

function valuesOf(folder: string, name: string): Float32Array {
  return readReference(join(folder, "model.safetensors")).values(name);
}

test("every tensor has the mean and deviation it is meant to have, past the first million numbers too", () => {
  const folder = emptyFolder();
  writeRandom(folder, "llama", { ...SHAPE, kvHeads: 2, config: { tie_word_embeddings: false } });
  for (const [name, mean, deviation] of [
    ["model.embed_tokens.weight", 0, 0.8],
    ["model.layers.1.input_layernorm.weight", 1, 0.3],
    ["model.layers.1.mlp.down_proj.weight", 0, 1.2 / Math.sqrt(1200)],
    ["lm_head.weight", 0, 1.2 / 16],
  ] as const) {
    const values = valuesOf(folder, name);
    const average = values.reduce((sum, value) => sum + value, 0) / values.length;
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - average) ** 2, 0) / values.length);
    expect(Math.abs(average - mean)).toBeLessThan((5 * deviation) / Math.sqrt(values.length));
    expect(Math.abs(spread / deviation - 1)).toBeLessThan(5 / Math.sqrt(2 * values.length));
  }
  expect(valuesOf(folder, "model.layers.1.mlp.up_proj.weight")).not.toEqual(
    valuesOf(folder, "model.layers.1.mlp.gate_proj.weight"),
  );
});

test("the same options write the same bytes, another seed others, shards the same values", () => {
  const [one, again, other, parts] = [emptyFolder(), emptyFolder(), emptyFolder(), emptyFolder()];
  for (const [folder, options] of [
    [one, {}],
    [again, {}],
    [other, { seed: 2 }],
    [parts, { shards: 3 }],
  ] as const)
    writeRandom(folder, "qwen2", { ...SHAPE, kvHeads: 1, ...options });
  const bytes = (folder: string) => readFileSync(join(folder, "model.safetensors"));
  expect(bytes(again).equals(bytes(one))).toBe(true);
  expect(bytes(other).equals(bytes(one))).toBe(false);
  const shards = readdirSync(parts).filter((name) => name.endsWith(".safetensors"));
  expect(shards).toHaveLength(3);
  for (const shard of shards) {
    const reference = readReference(join(parts, shard));
    for (const name of reference.names()) expect(reference.values(name), name).toEqual(valuesOf(one, name));
  }
});

test("16-bit numbers are the nearest to those of 32 bits", () => {
  const [wide, half, brain] = [emptyFolder(), emptyFolder(), emptyFolder()];
  for (const [folder, type] of [
    [wide, "F32"],
    [half, "F16"],
    [brain, "BF16"],
  ] as const)
    writeRandom(folder, "phi", { nHeads: 2, type });
  const name = "model.final_layernorm.weight";
  const bits = (folder: string) => {
    const { file, offset, length } = openCheckpoint(folder).finalNorm.weight;
    return new Uint16Array(Uint8Array.from(readFileSync(file).subarray(offset, offset + length)).buffer);
  };
  const values = valuesOf(wide, name);
  for (const [index, value] of values.entries()) {
    const sixteen = bits(half)[index] as number; // a norm's weight: positive and normal
    expect(Math.abs((1 + (sixteen & 0x3ff) / 1024) * 2 ** ((sixteen >> 10) - 15) - value)).toBeLessThanOrEqual(value * 2 ** -11);
    const upper = new Float32Array(Uint32Array.of((bits(brain)[index] as number) << 16).buffer)[0] as number;
    expect(Math.abs(upper - value)).toBeLessThanOrEqual(value * 2 ** -8);
  }
});

test("a size that the family has no key for is refused", () => {
  expect(() => writeRandom(emptyFolder(), "gpt_neox", { kvHeads: 2 })).toThrow("gpt_neox has no key for kvHeads, which is 2");
});
