/** Small random checkpoints, and safetensors files by hand. */
import { join } from "node:path";
import type { RandomTensor } from "../../scripts/random-checkpoint/tensors.ts";
import { type RandomCheckpoint, writeRandomCheckpoint } from "../../scripts/random-checkpoint/write.ts";
import type { Architecture } from "../../src/engine/architectures/architecture.ts";
import { architectures } from "../../src/engine/architectures/index.ts";

const TOKENIZER_FOLDER = join(import.meta.dirname, "../fixtures/checkpoints/gpt2");

type Options = Partial<Omit<RandomCheckpoint, "architecture" | "tokenizer">>;

/** hubNames: as the hub's file, no prefix, and mask buffers. */
export type RandomGpt2 = Options & { readonly hubNames?: boolean };

/** A tensor to write: its bytes as its dtype has them. */
export interface TensorData {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A small random GPT-2, or another size of it. */
export function writeRandomGpt2(folder: string, { hubNames = false, ...options }: RandomGpt2 = {}): void {
  const { nLayers = 3, contextLength = 32 } = options;
  const masks = Array.from({ length: nLayers }, (_, i): RandomTensor[] => [
    { name: `h.${i}.attn.bias`, shape: [1, 1, contextLength, contextLength], mean: 1, deviation: 0, type: "F32" },
    { name: `h.${i}.attn.masked_bias`, shape: [], mean: -1e4, deviation: 0, type: "F32" },
  ]);
  writeRandom(folder, "gpt2", { dMlp: null, ...options, ...(hubNames && { base: "", extra: masks.flat() }) });
}

/**
 * A small random checkpoint of a family, or of an architecture that is none of ours, with the fixtures' tokenizer of 320
 * tokens. All weights are random and away from 0 and 1, so that a forgotten one shows.
 */
export function writeRandom(folder: string, family: string | Architecture, options: Options = {}): void {
  const architecture = typeof family === "string" ? architectures.get(family) : family;
  if (!architecture) throw new Error(`no family ${family}`);
  const sizes = { nLayers: 3, dModel: 24, nHeads: 3, vocabSize: 320, contextLength: 32 };
  writeRandomCheckpoint(folder, { ...sizes, ...options, architecture, tokenizer: TOKENIZER_FOLDER });
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
