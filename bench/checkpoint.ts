/** A random checkpoint of GPT-2 small's shape, written once; initialised as GPT-2 was. */
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

export const SHAPE = { layers: 12, d: 768, heads: 12, vocab: 50257, context: 1024 } as const;
export const MODELS_DIR = new URL("./.cache/models", import.meta.url).pathname;
export const MODEL = "random-gpt2-small";

const CONFIG = {
  model_type: "gpt2",
  activation_function: "gelu_new",
  bos_token_id: 0,
  layer_norm_epsilon: 1e-5,
  n_embd: SHAPE.d,
  n_head: SHAPE.heads,
  n_inner: null,
  n_layer: SHAPE.layers,
  n_positions: SHAPE.context,
  vocab_size: SHAPE.vocab,
  tie_word_embeddings: true,
};

/** The folder of the checkpoint, 498 MB, float32. Its tokenizer is the shipped model's. */
export function randomCheckpoint(): string {
  const folder = join(MODELS_DIR, MODEL);
  if (existsSync(join(folder, "config.json"))) return folder;
  mkdirSync(folder, { recursive: true });
  const { d, vocab, context, layers } = SHAPE;
  const tensors: [string, number[], number, number][] = [
    ["wte.weight", [vocab, d], 0.02, 0],
    ["wpe.weight", [context, d], 0.01, 0],
  ];
  const norm = (name: string) => tensors.push([`${name}.weight`, [d], 0.02, 1], [`${name}.bias`, [d], 0.02, 0]);
  const linear = (name: string, from: number, to: number, scale: number) =>
    tensors.push([`${name}.weight`, [from, to], scale, 0], [`${name}.bias`, [to], 0.02, 0]);
  for (let layer = 0; layer < layers; layer++) {
    norm(`h.${layer}.ln_1`);
    linear(`h.${layer}.attn.c_attn`, d, 3 * d, 0.02);
    linear(`h.${layer}.attn.c_proj`, d, d, 0.02 / Math.sqrt(2 * layers));
    norm(`h.${layer}.ln_2`);
    linear(`h.${layer}.mlp.c_fc`, d, 4 * d, 0.02);
    linear(`h.${layer}.mlp.c_proj`, 4 * d, d, 0.02 / Math.sqrt(2 * layers));
  }
  norm("ln_f");

  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, shape] of tensors) {
    const length = 4 * shape.reduce((product, size) => product * size);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + length] };
    offset += length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const file = join(folder, "model.safetensors");
  const descriptor = openSync(`${file}.part`, "w");
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeSync(descriptor, length);
  writeSync(descriptor, json);
  const noise = gaussians(2 ** 20);
  for (const [index, [, shape, scale, centre]] of tensors.entries()) {
    const values = new Float32Array(shape.reduce((product, size) => product * size));
    for (let i = 0; i < values.length; i++)
      values[i] = centre + scale * (noise[(i * 7 + index * 104729 + (i >>> 18)) % noise.length] as number);
    writeSync(descriptor, new Uint8Array(values.buffer));
  }
  closeSync(descriptor);
  renameSync(`${file}.part`, file);
  const shipped = new URL("../models/prose-6m/", import.meta.url).pathname;
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) copyFileSync(join(shipped, name), join(folder, name));
  writeFileSync(join(folder, "config.json"), JSON.stringify(CONFIG));
  return folder;
}

/** Box–Muller on a linear congruential generator: the same numbers on every machine. */
function gaussians(count: number): Float64Array {
  let state = 7;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}
