/** From a folder, as the Hugging Face hub lays it out, to a model's specification. */
import { join } from "node:path";
import type { ModelSpec } from "../model-spec.ts";
import { folderName } from "./catalogue.ts";
import { ConfigReader } from "./config.ts";
import { MAX_CONFIG_BYTES, MAX_TOKENIZER_BYTES, parseObject, readBounded, statOf } from "./files.ts";
import { interpret } from "./interpret.ts";
import { counted, invalid, listed } from "./problems.ts";
import { revisionOf } from "./revision.ts";
import { findArchitecture, type ModelSizes, readSizes } from "./sizes.ts";
import { countTokens } from "./vocabulary.ts";
import { INDEX_FILE, MAX_SHARDS, missingWeights, readWeightMap, readWeights, SINGLE_FILE, shardNames } from "./weights.ts";

/** Older checkpoints have vocab.json and merges.txt in its place. */
const MISSING_TOKENIZER = `tokenizer.json is missing; write it in the model's folder with: python3 -c "from transformers import AutoTokenizer as T; T.from_pretrained('.').save_pretrained('.')"`;

/** Reads and checks everything but the weights' numbers. Throws `model_invalid`, with all that is wrong, and nothing else. */
export function openCheckpoint(folder: string): ModelSpec {
  const problems: string[] = [];
  const configBytes = readBounded(folder, "config.json", MAX_CONFIG_BYTES, problems);
  const hasTokenizer = statOf(join(folder, "tokenizer.json")) !== undefined;
  const tokenizerBytes = hasTokenizer ? readBounded(folder, "tokenizer.json", MAX_TOKENIZER_BYTES, problems) : null;
  if (!hasTokenizer) problems.push(MISSING_TOKENIZER);
  const optional = ["tokenizer_config.json", "chat_template.jinja"].map((name) =>
    statOf(join(folder, name)) === undefined ? null : readBounded(folder, name, MAX_CONFIG_BYTES, problems),
  );
  // Without a chat template a revision is what it was before there were any.
  const [tokenizerConfigBytes, chatTemplate] = optional;
  const weights = readWeights(folder, problems);

  const config = configBytes && parseObject(configBytes, "config.json", problems);
  const architecture = config && findArchitecture(config, problems);
  const spec = architecture && interpret(config, weights, architecture, problems);
  const tokenCount = tokenizerBytes && countTokens(tokenizerBytes, problems);
  if (spec && tokenCount && tokenCount > spec.vocabSize) {
    problems.push(
      `tokenizer.json: the highest token id is ${tokenCount - 1}; the vocabulary of ${spec.vocabSize} ends at ${spec.vocabSize - 1}`,
    );
  }
  if (problems.length > 0 || !spec || !tokenCount || !weights) throw invalid(folderName(folder), problems);
  const revision = revisionOf(
    [configBytes, tokenizerBytes, tokenizerConfigBytes ?? null, ...(chatTemplate ? [chatTemplate] : [])],
    weights,
    problems,
  );
  if (problems.length > 0) throw invalid(folderName(folder), problems);
  return { ...spec, tokenCount, revision };
}

/** What can be said of a checkpoint without touching its weights. */
export interface CheckpointSummary {
  /** null, and `sizes` too, where config.json cannot be used. */
  readonly family: string | null;
  readonly sizes: ModelSizes | null;
  /** Size of the weights' files, tensors that are not used included. */
  readonly diskBytes: number;
  /** What would keep it from opening, as far as this look goes; empty: nothing. */
  readonly problems: readonly string[];
}

/** A cheap look at a folder, for lists. Never throws. */
export function describeCheckpoint(folder: string): CheckpointSummary {
  const problems: string[] = [];
  const bytes = readBounded(folder, "config.json", MAX_CONFIG_BYTES, problems);
  const config = bytes && parseObject(bytes, "config.json", problems);
  const architecture = config && findArchitecture(config, problems);
  let sizes: ModelSizes | null = null;
  if (architecture) {
    const before = problems.length;
    sizes = readSizes(new ConfigReader(config, problems), architecture, problems);
    if (problems.length > before) sizes = null;
    else interpret(config, null, architecture, problems);
  }
  if (!statOf(join(folder, "tokenizer.json"))?.isFile()) problems.push(MISSING_TOKENIZER);
  const diskBytes = weightBytes(folder, problems);
  return { family: architecture?.modelType ?? null, sizes, diskBytes, problems: listed(problems) };
}

function weightBytes(folder: string, problems: string[]): number {
  let names = [SINGLE_FILE];
  if (!statOf(join(folder, SINGLE_FILE))) {
    if (!statOf(join(folder, INDEX_FILE))) {
      problems.push(missingWeights(folder));
      return 0;
    }
    names = shardNames(readWeightMap(folder, problems) ?? {}, problems);
    if (names.length > MAX_SHARDS)
      problems.push(`${INDEX_FILE} names ${counted(names.length, "shard")}; at most ${MAX_SHARDS} are read`);
  }
  let total = 0;
  for (const name of names.slice(0, MAX_SHARDS)) {
    const stat = statOf(join(folder, name));
    if (stat?.isFile()) total += stat.size;
    else problems.push(stat ? `${name} is not a file` : `${name} is missing`);
  }
  return total;
}
