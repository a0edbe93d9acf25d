/** A folder's weights, in one file or in shards. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isObject, parseObject, readBounded, statOf } from "./files.ts";
import { counted, quote } from "./problems.ts";
import { MAX_HEADER_BYTES, readSafetensors, type SafetensorsFile, type StoredTensor } from "./safetensors.ts";

export const SINGLE_FILE = "model.safetensors";
export const INDEX_FILE = "model.safetensors.index.json";

/** The largest dense models published come in about 200; each is a file to open. */
export const MAX_SHARDS = 1_000;

export interface Weights {
  /** What messages call the weights: the one file, or the index. */
  readonly name: string;
  /** null: there, but wrong, and reported. */
  readonly tensors: ReadonlyMap<string, StoredTensor | null>;
  /** In the order of their names. */
  readonly files: readonly SafetensorsFile[];
}

/** Reads the headers of all files of the weights; null where nothing can be made of them. Problems are added to the list. */
export function readWeights(folder: string, problems: string[]): Weights | null {
  if (statOf(join(folder, SINGLE_FILE))) {
    const file = readSafetensors(join(folder, SINGLE_FILE), SINGLE_FILE, problems);
    return file && { name: SINGLE_FILE, tensors: file.tensors, files: [file] };
  }
  if (statOf(join(folder, INDEX_FILE))) return readShards(folder, problems);
  problems.push(missingWeights(folder));
  return null;
}

/** Why there are no weights to read: what there is instead, and how to convert it. */
export function missingWeights(folder: string): string {
  const pickled = namesIn(folder).find((name) => /^pytorch_model.*\.bin$/.test(name));
  if (!pickled) return `${SINGLE_FILE} is missing`;
  const command = `python3 -c "from transformers import AutoModelForCausalLM as M; M.from_pretrained('.').save_pretrained('.', safe_serialization=True)"`;
  return `${SINGLE_FILE} is missing; ${pickled} holds pickled weights, which are not read; convert them in the model's folder with: ${command}`;
}

/** The shards that an index names, in order; those that are no plain file names are left out and reported. */
export function shardNames(weightMap: Readonly<Record<string, unknown>>, problems: string[]): string[] {
  const names = new Set<string>();
  const refused = new Set<unknown>();
  for (const shard of Object.values(weightMap)) {
    if (isPlainName(shard)) names.add(shard);
    else refused.add(shard);
  }
  for (const shard of refused)
    problems.push(
      `${INDEX_FILE} names the shard ${quote(shard)}; the name of a .safetensors file in the same folder is expected`,
    );
  return [...names].sort();
}

/** `weight_map` of the index; null, with a problem added, where there is none. */
export function readWeightMap(folder: string, problems: string[]): Readonly<Record<string, unknown>> | null {
  const bytes = readBounded(folder, INDEX_FILE, MAX_HEADER_BYTES, problems);
  const index = bytes && parseObject(bytes, INDEX_FILE, problems);
  if (!index) return null;
  if (isObject(index.weight_map)) return index.weight_map;
  problems.push(`${INDEX_FILE} has the weight_map ${quote(index.weight_map)}; an object is expected`);
  return null;
}

function readShards(folder: string, problems: string[]): Weights | null {
  const weightMap = readWeightMap(folder, problems);
  if (!weightMap) return null;
  const names = shardNames(weightMap, problems);
  if (names.length > MAX_SHARDS) {
    problems.push(`${INDEX_FILE} names ${counted(names.length, "shard")}; at most ${MAX_SHARDS} are read`);
    return null;
  }
  const shards = new Map(names.map((name) => [name, readSafetensors(join(folder, name), name, problems)]));
  const tensors = new Map<string, StoredTensor | null>();
  for (const [tensor, shard] of Object.entries(weightMap)) {
    const file = shards.get(shard as string);
    const found = file?.tensors.get(tensor);
    if (file && found === undefined) problems.push(`${shard}: tensor ${quote(tensor)} is missing; ${INDEX_FILE} places it there`);
    tensors.set(tensor, found ?? null);
  }
  return { name: INDEX_FILE, tensors, files: [...shards.values()].filter((file) => file !== null) };
}

function isPlainName(name: unknown): name is string {
  return typeof name === "string" && name.length <= 255 && name.endsWith(".safetensors") && !/[/\\:\0]/.test(name);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
