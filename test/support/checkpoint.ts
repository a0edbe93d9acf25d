/** Writes small random GPT-2 checkpoints as the hub lays them out; weights, norms and biases all away from 0 and 1. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface RandomGpt2 {
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  readonly vocabSize?: number;
  readonly contextLength?: number;
  readonly dMlp?: number;
  readonly dtype?: "F32" | "F16" | "BF16";
  readonly shards?: number;
  readonly seed?: number;
  /** As the hub's first files: no prefix. */
  readonly bare?: boolean;
}

export type Tensors = Map<string, { shape: number[]; values: Float32Array }>;

export function writeRandomGpt2(folder: string, options: RandomGpt2): void {
  const { nLayers: L, dModel: d, nHeads, vocabSize = 320, contextLength = 64, dtype = "F32", shards = 1, seed = 1 } = options;
  const dMlp = options.dMlp ?? 4 * d;
  const random = gaussian(seed);
  const tensors: Tensors = new Map();
  const prefix = options.bare ? "" : "transformer.";
  const add = (name: string, shape: number[], scale: number, centre = 0) => {
    const size = shape.reduce((product, each) => product * each, 1);
    tensors.set(prefix + name, { shape, values: Float32Array.from({ length: size }, () => centre + scale * random()) });
  };
  const norm = (name: string) => {
    add(`${name}.weight`, [d], 0.3, 1);
    add(`${name}.bias`, [d], 0.3);
  };
  const conv = (name: string, from: number, to: number) => {
    add(`${name}.weight`, [from, to], 1.2 / Math.sqrt(from));
    add(`${name}.bias`, [to], 0.2);
  };
  add("wte.weight", [vocabSize, d], 0.8);
  add("wpe.weight", [contextLength, d], 0.3);
  for (let i = 0; i < L; i++) {
    norm(`h.${i}.ln_1`);
    conv(`h.${i}.attn.c_attn`, d, 3 * d);
    conv(`h.${i}.attn.c_proj`, d, d);
    norm(`h.${i}.ln_2`);
    conv(`h.${i}.mlp.c_fc`, d, dMlp);
    conv(`h.${i}.mlp.c_proj`, dMlp, d);
  }
  norm("ln_f");
  mkdirSync(folder, { recursive: true });
  writeTensors(folder, tensors, dtype, shards);
  const config = {
    model_type: "gpt2",
    activation_function: "gelu_new",
    n_embd: d,
    n_head: nHeads,
    n_inner: dMlp,
    n_layer: L,
    n_positions: contextLength,
    vocab_size: vocabSize,
    bos_token_id: 0,
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) copyFileSync(`test/fixtures/checkpoints/gpt2/${name}`, join(folder, name));
}

/** One file, or shards with their index. */
export function writeTensors(folder: string, tensors: Tensors, dtype: "F32" | "F16" | "BF16", shards = 1): void {
  const entries = [...tensors];
  const weightMap: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const part = entries.filter((_, index) => index % shards === shard);
    const number = (n: number) => String(n).padStart(5, "0");
    const file = shards === 1 ? "model.safetensors" : `model-${number(shard + 1)}-of-${number(shards)}.safetensors`;
    const header: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    let offset = 0;
    for (const [name, { shape, values }] of part) {
      const bytes = encode(values, dtype);
      header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
      offset += bytes.length;
      chunks.push(bytes);
      weightMap[name] = file;
    }
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    writeFileSync(join(folder, file), Buffer.concat([length, json, ...chunks]));
  }
  if (shards > 1) writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map: weightMap }));
}

function encode(values: Float32Array, dtype: "F32" | "F16" | "BF16"): Buffer {
  if (dtype === "F32") return Buffer.from(values.buffer.slice(0));
  const words = new Uint32Array(values.buffer);
  const halves = dtype === "BF16" ? Uint16Array.from(words, (word) => word >>> 16) : Uint16Array.from(values, toFloat16);
  return Buffer.from(halves.buffer);
}

/** Truncates to binary16; subnormals become zero. */
function toFloat16(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size < 2 ** -14) return sign;
  const exponent = Math.floor(Math.log2(size));
  return sign | ((exponent + 15) << 10) | Math.floor((size / 2 ** exponent - 1) * 1024);
}

function gaussian(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
