/** Writes random checkpoints of any family and size, as the Hugging Face hub lays them out; for tests and benchmarks. */
import { closeSync, copyFileSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Architecture } from "../../src/engine/architectures/architecture.ts";
import type { TensorType } from "../../src/engine/model-spec.ts";
import { BYTES_OF, encode } from "./encode.ts";
import { Noise } from "./noise.ts";
import { type Initialisation, type RandomTensor, tensorsOf } from "./tensors.ts";

export interface RandomCheckpoint {
  readonly architecture: Architecture;
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  readonly vocabSize: number;
  readonly contextLength: number;
  /** Left out: what the family has without the key. */
  readonly kvHeads?: number | null;
  readonly headDim?: number | null;
  readonly dMlp?: number | null;
  /** More of config.json, in the family's own keys; before the sizes where both say something. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly type?: TensorType;
  /** More than 1: that many files and an index. */
  readonly shards?: number;
  readonly seed?: number;
  readonly init?: Initialisation;
  /** What names begin with, where it is not the family's first. */
  readonly base?: string;
  /** More tensors, which the family has no use for. */
  readonly extra?: readonly RandomTensor[];
  /** A folder whose tokenizer files are copied; the vocabulary must hold its tokens. */
  readonly tokenizer: string;
}

/** Values written at a time: 256 KiB of float32. */
const CHUNK = 65_536;

/** Writes the folder; holds no more of the weights in memory than a chunk. The same options give the same bytes. */
export function writeRandomCheckpoint(folder: string, options: RandomCheckpoint): void {
  const { architecture, type = "F32", shards = 1, seed = 1, extra = [], tokenizer } = options;
  const config = configOf(options);
  const tensors = [...tensorsOf(architecture, config, options), ...extra].map((tensor) => ({
    ...tensor,
    type: tensor.type ?? type,
  }));
  mkdirSync(folder, { recursive: true });
  const noise = new Noise(seed);
  if (shards === 1) writeFile(join(folder, "model.safetensors"), tensors, noise);
  else writeShards(folder, tensors, shards, noise);
  writeFileSync(join(folder, "config.json"), JSON.stringify(config, null, 2));
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) copyFileSync(join(tokenizer, name), join(folder, name));
}

type TypedTensor = RandomTensor & { readonly type: TensorType };

function configOf(options: RandomCheckpoint): Record<string, unknown> {
  const { modelType, sizes } = options.architecture;
  const given = {
    layers: options.nLayers,
    dModel: options.dModel,
    heads: options.nHeads,
    kvHeads: options.kvHeads,
    headDim: options.headDim,
    dMlp: options.dMlp,
    vocab: options.vocabSize,
    context: options.contextLength,
  };
  const config: Record<string, unknown> = { model_type: modelType, bos_token_id: 0 };
  for (const [size, value] of Object.entries(given)) {
    const key = sizes[size as keyof typeof sizes].keys[0];
    if (key === undefined && value != null) throw new RangeError(`${modelType} has no key for ${size}, which is ${value}`);
    if (key !== undefined && value !== undefined) config[key] = value;
  }
  return { ...config, ...options.config };
}

function writeShards(folder: string, tensors: readonly TypedTensor[], shards: number, noise: Noise): void {
  const weight_map: Record<string, string> = {};
  const place = (shard: number) => Math.floor((shard * tensors.length) / shards);
  for (let i = 0; i < shards; i++) {
    const file = `model-${String(i + 1).padStart(5, "0")}-of-${String(shards).padStart(5, "0")}.safetensors`;
    const part = tensors.slice(place(i), place(i + 1));
    for (const { name } of part) weight_map[name] = file;
    writeFile(join(folder, file), part, noise);
  }
  const total_size = tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ metadata: { total_size }, weight_map }));
}

function writeFile(path: string, tensors: readonly TypedTensor[], noise: Noise): void {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let end = 0;
  for (const tensor of tensors) {
    const start = end;
    end += bytesOf(tensor);
    header[tensor.name] = { dtype: tensor.type, shape: tensor.shape, data_offsets: [start, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(path, "w");
  try {
    writeSync(file, Buffer.concat([length, text]));
    const chunk = new Float32Array(CHUNK);
    for (const { shape, mean, deviation, type } of tensors) {
      for (let left = count(shape); left > 0; left -= CHUNK) {
        const values = chunk.subarray(0, Math.min(left, CHUNK));
        noise.fill(values, mean, deviation);
        writeSync(file, encode(values, type));
      }
    }
  } finally {
    closeSync(file);
  }
}

function bytesOf({ shape, type }: TypedTensor): number {
  return count(shape) * BYTES_OF[type];
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
