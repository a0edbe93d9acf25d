/** Writes small random GPT-2 checkpoints, as the Hugging Face hub lays them out. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TensorType } from "../../src/engine/model-spec.ts";

const TOKENIZER_FOLDER = join(import.meta.dirname, "../fixtures/checkpoints/gpt2");

export interface RandomGpt2 {
  readonly nLayers?: number;
  readonly dModel?: number;
  readonly nHeads?: number;
  /** At least 320: the tokenizer's tokens. */
  readonly vocabSize?: number;
  readonly contextLength?: number;
  /** null: 4 · d_model. */
  readonly dMlp?: number | null;
  readonly type?: TensorType;
  /** More than 1: that many files and an index. */
  readonly shards?: number;
  readonly seed?: number;
  /** As the hub's file: no prefix, and mask buffers. */
  readonly hubNames?: boolean;
  /** An unembed of its own, lm_head. */
  readonly untied?: boolean;
  /** More of config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A tensor to write: its bytes as its dtype has them. */
export interface TensorData {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Writes a checkpoint's folder. All weights are random and away from 0 and 1, so that a forgotten one shows. */
export function writeRandomGpt2(folder: string, options: RandomGpt2 = {}): void {
  const { nLayers = 3, dModel = 24, nHeads = 3, vocabSize = 320, contextLength = 32, dMlp = null } = options;
  const { type = "F32", shards = 1, seed = 1, hubNames = false, untied = false } = options;
  const inner = dMlp ?? 4 * dModel;
  const normal = normals(seed);
  const tensors = new Map<string, TensorData>();
  const add = (name: string, shape: readonly number[], mean: number, deviation: number, dtype: TensorType = type): void => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => mean + deviation * normal());
    tensors.set(name, { dtype, shape, bytes: encode(values, dtype) });
  };
  const base = hubNames ? "" : "transformer.";
  const linear = (name: string, rows: number, columns: number): void => {
    add(`${base}${name}.weight`, [rows, columns], 0, 1.2 / Math.sqrt(rows));
    add(`${base}${name}.bias`, [columns], 0, 0.2);
  };
  const norm = (name: string): void => {
    add(`${base}${name}.weight`, [dModel], 1, 0.3);
    add(`${base}${name}.bias`, [dModel], 0, 0.3);
  };
  add(`${base}wte.weight`, [vocabSize, dModel], 0, 0.8);
  add(`${base}wpe.weight`, [contextLength, dModel], 0, 0.3);
  for (let i = 0; i < nLayers; i++) {
    norm(`h.${i}.ln_1`);
    linear(`h.${i}.attn.c_attn`, dModel, 3 * dModel);
    linear(`h.${i}.attn.c_proj`, dModel, dModel);
    norm(`h.${i}.ln_2`);
    linear(`h.${i}.mlp.c_fc`, dModel, inner);
    linear(`h.${i}.mlp.c_proj`, inner, dModel);
    if (hubNames) {
      add(`h.${i}.attn.bias`, [1, 1, contextLength, contextLength], 1, 0, "F32");
      add(`h.${i}.attn.masked_bias`, [], -1e4, 0, "F32");
    }
  }
  norm("ln_f");
  if (untied) add("lm_head.weight", [vocabSize, dModel], 0, 1.2 / Math.sqrt(dModel));

  mkdirSync(folder, { recursive: true });
  writeTensors(folder, tensors, shards);
  const sizes = {
    n_layer: nLayers,
    n_embd: dModel,
    n_head: nHeads,
    n_positions: contextLength,
    vocab_size: vocabSize,
    n_inner: dMlp,
  };
  const config = { model_type: "gpt2", ...sizes, tie_word_embeddings: !untied, bos_token_id: 0, ...options.config };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config, null, 2));
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) copyFileSync(join(TOKENIZER_FOLDER, name), join(folder, name));
}

/** A safetensors file's bytes. */
export function safetensors(tensors: Iterable<readonly [string, TensorData]>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
    parts.push(bytes);
  }
  return withHeader(JSON.stringify(header), Buffer.concat(parts));
}

/** Bytes of a safetensors file with any header text. */
export function withHeader(header: string, data: Uint8Array): Uint8Array {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

function writeTensors(folder: string, tensors: ReadonlyMap<string, TensorData>, shards: number): void {
  if (shards === 1) {
    writeFileSync(join(folder, "model.safetensors"), safetensors(tensors));
    return;
  }
  const entries = [...tensors];
  const weight_map: Record<string, string> = {};
  for (let i = 0; i < shards; i++) {
    const file = `model-${String(i + 1).padStart(5, "0")}-of-${String(shards).padStart(5, "0")}.safetensors`;
    const part = entries.slice(Math.floor((i * entries.length) / shards), Math.floor(((i + 1) * entries.length) / shards));
    for (const [name] of part) weight_map[name] = file;
    writeFileSync(join(folder, file), safetensors(part));
  }
  const total_size = entries.reduce((sum, [, { bytes }]) => sum + bytes.length, 0);
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ metadata: { total_size }, weight_map }));
}

function encode(values: Float32Array, type: TensorType): Uint8Array {
  if (type === "F32") return new Uint8Array(values.buffer);
  const bits = new Uint32Array(values.buffer);
  const narrow = type === "BF16" ? narrowBf16 : narrowF16;
  return new Uint8Array(Uint16Array.from(bits, narrow).buffer);
}

/** Upper half of a float32's bits, to the nearest, ties to even. */
function narrowBf16(bits: number): number {
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** binary16 of a float32's bits, to the nearest, ties to even; what is too small to be normal becomes 0. */
function narrowF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const rounded = (bits & 0x7fffffff) + 0xfff + ((bits >>> 13) & 1);
  const exponent = (rounded >>> 23) - 112;
  if (exponent <= 0) return sign;
  return sign | (exponent >= 31 ? 0x7c00 : (exponent << 10) | ((rounded >>> 13) & 0x3ff));
}

/** Standard normal numbers, the same for the same seed (mulberry32, Box–Muller). */
function normals(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
