/** What the hub has under a name: the commit, and the files that make a model with their sizes and hashes. */
import { isObject, parseObject } from "../engine/checkpoint/files.ts";
import { COMMIT, type HubName } from "../engine/checkpoint/hub-cache.ts";
import { INDEX_FILE, MAX_SHARDS, SINGLE_FILE, shardNames } from "../engine/checkpoint/weights.ts";
import { Problem } from "../problem.ts";
import type { HubFile } from "./blob.ts";
import { failed, nameOf } from "./failure.ts";
import { hashOfName } from "./file-hash.ts";

/** Files at the top of a repository; those of a model with all its formats are some hundred. */
const MAX_FILES = 10_000;

const REQUIRED = ["config.json", "tokenizer.json"] as const;
const OPTIONAL = ["tokenizer_config.json", "generation_config.json", "chat_template.jinja"] as const;

export interface Repository {
  readonly commit: string;
  /** By their path. */
  readonly files: ReadonlyMap<string, HubFile>;
}

/** How the library is asked: all that it needs to reach the hub. */
export interface HubRequest {
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
}

/** Asks the hub for a revision's commit and files. Throws what the request's `fetch` throws, or a `download_failed`. */
export async function readRepository({ repo, revision }: HubName, request: HubRequest): Promise<Repository> {
  const { modelInfo, listFiles } = await import("@huggingface/hub");
  const info = await modelInfo({ name: repo, revision, additionalFields: ["sha"], ...request });
  const commit: unknown = info.sha;
  if (typeof commit !== "string" || !COMMIT.test(commit))
    throw failed({ repo, revision }, `the hub gave ${JSON.stringify(String(commit).slice(0, 60))} as its commit`);
  const files = new Map<string, HubFile>();
  let count = 0;
  for await (const entry of listFiles({ repo, revision: commit, ...request })) {
    if (++count > MAX_FILES) throw failed({ repo, revision }, `it has more than ${MAX_FILES} files`);
    const hash = hashOfName(String(entry.lfs?.oid ?? entry.oid));
    // A file in the hub's large storage has git's hash of a pointer to it, which says nothing of the file.
    const known = hash && (hash.algorithm === "sha256" || !entry.xetHash);
    if (entry.type !== "file" || !known || !isPlainName(entry.path)) continue;
    const size = entry.lfs?.size ?? entry.size;
    if (Number.isSafeInteger(size) && size >= 0) files.set(entry.path, { path: entry.path, size, hash });
  }
  return { commit, files };
}

/** The small files and, where there is one, the index; then the weights' one file. Throws `model_invalid` where some are missing. */
export function firstFiles({ files }: Repository, name: HubName): HubFile[] {
  const missing = REQUIRED.filter((path) => !files.has(path));
  const weights = files.get(SINGLE_FILE) ?? files.get(INDEX_FILE);
  if (!weights) throw refused(name, noWeights([...files.keys()]));
  if (missing.length > 0) throw refused(name, `it has no ${missing.join(" and no ")}`);
  return [...REQUIRED, ...OPTIONAL].flatMap((path) => files.get(path) ?? []).concat(weights);
}

/** The shards that an index's bytes name. Throws `model_invalid` where they are not all there. */
export function shardsOf(index: Uint8Array, { files }: Repository, name: HubName): HubFile[] {
  const problems: string[] = [];
  const weightMap = parseObject(index, INDEX_FILE, problems)?.weight_map;
  if (!isObject(weightMap)) throw refused(name, [...problems, `${INDEX_FILE} has no weight_map`][0] as string);
  const names = shardNames(weightMap, problems);
  if (problems.length > 0) throw refused(name, problems[0] as string);
  if (names.length === 0 || names.length > MAX_SHARDS)
    throw refused(name, `${INDEX_FILE} names ${names.length} shards; 1 to ${MAX_SHARDS} are read`);
  return names.map((path) => {
    const file = files.get(path);
    if (!file) throw refused(name, `${INDEX_FILE} names the shard ${path}, which is not there`);
    return file;
  });
}

/** `model_invalid`: the repository holds nothing that can be served. */
export function refused(name: HubName, reason: string): Problem {
  return new Problem("model_invalid", `${nameOf(name)} cannot be used: ${reason}. Nothing more was downloaded.`);
}

function noWeights(paths: readonly string[]): string {
  const pickled = paths.find((path) => /\.(bin|pt|pth|ckpt)$/.test(path));
  const other = paths.find((path) => path.endsWith(".safetensors") || path.endsWith(".gguf"));
  const instead = pickled
    ? `; it has ${pickled}, pickled weights, which are not read`
    : other
      ? `; it has ${other}, which is not a transformers checkpoint`
      : "";
  return `it has neither ${SINGLE_FILE} nor ${INDEX_FILE}${instead}`;
}

/** A file in the folder itself: nothing that could lead out of it, on any system. */
function isPlainName(path: string): boolean {
  return path.length <= 255 && /^[A-Za-z0-9_][A-Za-z0-9_. -]*$/.test(path) && !path.includes("..");
}
