/** A Hugging Face folder as a model: everything that can be wrong with it is found before anything is loaded. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Problem } from "../../problem.ts";
import type { ModelSpec } from "../model-spec.ts";
import { type ModelConfig, readConfig } from "./config.ts";
import { interpret } from "./interpret.ts";
import { revisionOf } from "./revision.ts";
import { parseObject, readFolder } from "./safetensors.ts";

/** How many problems are listed; a file of another model can have hundreds. */
const MAX_PROBLEMS = 50;
/** Largest config.json and tokenizer.json that are read: the largest tokenizers have some 40 MB. */
const MAX_JSON_BYTES = 256 * 2 ** 20;

/** Opens a folder. Throws `Problem` `model_invalid`, listing every problem. Reads headers and samples, no weights. */
export function openCheckpoint(folder: string): ModelSpec {
  const problems: string[] = [];
  try {
    const spec = tryOpen(folder, problems);
    if (spec) return spec;
  } catch (error) {
    problems.push(`the folder cannot be read: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
  }
  const listed = problems.slice(0, MAX_PROBLEMS).map((problem) => `- ${problem}`);
  if (problems.length > MAX_PROBLEMS) listed.push(`- and ${problems.length - MAX_PROBLEMS} more`);
  throw new Problem("model_invalid", `The checkpoint cannot be loaded:\n${listed.join("\n")}`);
}

/** What config.json says, without a look at the tensors: for lists of models. */
export interface CheckpointSummary {
  readonly config: ModelConfig | null;
  readonly family: string | null;
  readonly diskBytes: number;
  readonly problems: readonly string[];
}

export function describeCheckpoint(folder: string): CheckpointSummary {
  const problems: string[] = [];
  try {
    const files = readdirSync(folder);
    const config = folderConfig(folder, files, problems);
    const weights = files.filter((name) => name.endsWith(".safetensors") && name.startsWith("model"));
    const diskBytes = weights.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    return { config, family: config?.architecture.family ?? null, diskBytes, problems };
  } catch (error) {
    return { config: null, family: null, diskBytes: 0, problems: [...problems, error instanceof Error ? error.message : String(error)] };
  }
}

function folderConfig(folder: string, files: readonly string[], problems: string[]): ModelConfig | null {
  if (!files.includes("tokenizer.json")) {
    const convert = `python -c "from transformers import AutoTokenizer as T; T.from_pretrained('.').save_pretrained('.')"`;
    problems.push(`tokenizer.json is missing; inside the folder, ${convert} writes it`);
  }
  if (!files.includes("model.safetensors") && !files.includes("model.safetensors.index.json")) {
    const pickled = files.find((name) => name.endsWith(".bin"));
    const convert = `python -c "from transformers import AutoModelForCausalLM as M; M.from_pretrained('.').save_pretrained('.', safe_serialization=True)"`;
    problems.push(
      pickled
        ? `there are only ${pickled.startsWith("pytorch_model") ? "pytorch_model*.bin" : pickled} weights; inside the folder, ${convert} writes safetensors`
        : "model.safetensors and model.safetensors.index.json are missing",
    );
  }
  if (!files.includes("config.json")) {
    problems.push("config.json is missing");
    return null;
  }
  const config = parseObject(readBounded(join(folder, "config.json")).toString("utf8"));
  if (config) return readConfig(config, problems);
  problems.push("config.json is not a JSON object");
  return null;
}

function tryOpen(folder: string, problems: string[]): ModelSpec | null {
  const files = readdirSync(folder);
  const config = folderConfig(folder, files, problems);
  const weights = files.includes("model.safetensors") || files.includes("model.safetensors.index.json");
  const stored = weights ? readFolder(folder, files, problems) : null;
  if (!config || !stored) return null;
  const parts = interpret(config, stored.tensors, problems);
  const tokenizer = files.includes("tokenizer.json") ? readBounded(join(folder, "tokenizer.json")) : null;
  const tokenCount = tokenizer ? countTokens(tokenizer, config.vocabSize, problems) : 0;
  if (!parts || !tokenizer || problems.length > 0) return null;
  const { used, ...rest } = parts;
  const { nLayers, dModel, nHeads, dMlp, vocabSize, contextLength } = config;
  return {
    family: config.architecture.family,
    nLayers,
    dModel,
    nHeads,
    dMlp,
    vocabSize,
    tokenCount,
    contextLength,
    ...rest,
    revision: revisionOf([readBounded(join(folder, "config.json")), tokenizer, stored.header], used),
    diskBytes: used.reduce((sum, { length }) => sum + length, 0),
    float32Bytes: used.reduce((sum, { shape }) => sum + 4 * shape.reduce((product, size) => product * size, 1), 0),
  };
}

/** Ids that the tokenizer knows are below this. */
function countTokens(tokenizer: Buffer, vocabSize: number, problems: string[]): number {
  const parsed = parseObject(tokenizer.toString("utf8")) as
    | { model?: { vocab?: Record<string, number> }; added_tokens?: { id?: number }[] }
    | undefined;
  let most = -1;
  for (const id of Object.values(parsed?.model?.vocab ?? {})) if (Number.isSafeInteger(id) && id > most) most = id;
  for (const added of Array.isArray(parsed?.added_tokens) ? parsed.added_tokens : []) most = Math.max(most, Number.isSafeInteger(added?.id) ? (added.id as number) : -1);
  if (most < 0) problems.push("tokenizer.json has no vocabulary of tokens with ids");
  if (most >= vocabSize) problems.push(`tokenizer.json has the token id ${most}; config.json's vocabulary of ${vocabSize} ends at ${vocabSize - 1}`);
  return most + 1;
}

function readBounded(path: string): Buffer {
  const { size } = statSync(path);
  if (size > MAX_JSON_BYTES) throw new RangeError(`${path.split("/").at(-1)} has ${size} bytes; at most ${MAX_JSON_BYTES} are read`);
  return readFileSync(path);
}
