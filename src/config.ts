/** The only reader of the environment: every variable checked, a wrong value refused with its name. */
import { homedir, totalmem } from "node:os";
import { join } from "node:path";
import { z } from "zod";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
/** The largest delay a timer can hold, in seconds. */
const MAX_SECONDS = 2_000_000;

function integer(least: number, most: number) {
  return z
    .string()
    .refine(
      (text) => /^\d{1,16}$/.test(text) && Number(text) >= least && Number(text) <= most,
      `a whole number from ${least} to ${most}`,
    )
    .transform(Number);
}

const flag = z.enum(["true", "false"], "true or false").transform((text) => text === "true");
const folder = z.string();

const apiKeys = z
  .string()
  .transform((text) =>
    text
      .split(",")
      .map((key) => key.trim())
      .filter(Boolean),
  )
  .refine(
    (keys) => keys.every((key) => /^[\x21-\x7e]{8,256}$/.test(key)),
    "keys of 8 to 256 printable characters, separated by commas",
  );

/** As the hub's own clients read it: the address of a mirror. */
const endpoint = z
  .string()
  .refine(isServer, "an address such as https://hub.example.org, without a query, a user or a password")
  .transform((text) => text.replace(/\/+$/, ""));

const databaseUrl = z
  .string()
  .refine(
    (text) => /^postgres(ql)?:\/\/./.test(text) && URL.canParse(text),
    "an address such as postgres://user:password@host:5432/database",
  );

const token = z.string().regex(/^[\x21-\x7e]{1,1000}$/, "a token of at most 1000 printable characters");

const variables = {
  PORT: integer(0, 65_535).default(3000),
  HOST: z.string().default("127.0.0.1"),
  MODELS_DIR: folder.default("models"),
  DATASETS_DIR: folder.default("datasets"),
  DATA_DIR: folder.default("data"),
  /** As the hub's own clients have them. */
  HF_HOME: folder.nullable().default(null),
  HF_HUB_CACHE: folder.nullable().default(null),
  HF_TOKEN_PATH: folder.nullable().default(null),
  HF_TOKEN: token.nullable().default(null),
  HF_ENDPOINT: endpoint.nullable().default(null),
  XDG_CACHE_HOME: folder.nullable().default(null),
  /** Whether a request may start a download. */
  ALLOW_DOWNLOADS: flag.default(false),
  /** Files of one model. */
  MAX_DOWNLOAD_BYTES: integer(MIB, 2 ** 50).default(64 * GIB),
  /** `auto`: the fastest that is there; the others are used or refused, never replaced. */
  DEVICE: z.enum(["auto", "cpu", "webgpu", "cuda"], "auto, cpu, webgpu or cuda").default("auto"),
  THREADS: integer(1, 1024).nullable().default(null),
  WEIGHTS: z.enum(["packed", "mapped"], "packed or mapped").default("packed"),
  /** Half-type weights: float32 copies, or cast in every call. */
  HALF_PRECISION: z.enum(["auto", "fold", "keep"], "auto, fold or keep").default("auto"),
  /** Shared by replicas; without it, an embedded database in DATA_DIR. */
  DATABASE_URL: databaseUrl.nullable().default(null),
  /** Chunks of experiments that are computed here at a time; 0: others compute them. */
  EXPERIMENT_CHUNKS: integer(0, 64).default(2),
  API_KEYS: apiKeys.default([]),
  ALLOW_OPEN: flag.default(false),
  LOG_LEVEL: z.enum(["silent", "error", "warn", "info", "debug"], "silent, error, warn, info or debug").default("info"),
  /** The engine process ends after this long without work; 0: never. */
  ENGINE_IDLE_SECONDS: integer(0, MAX_SECONDS).default(0),
  /** Weights held at once. */
  MODEL_MEMORY_BYTES: integer(MIB, 2 ** 50).default(() => Math.floor(memoryBytes() / 2)),
  /** Streams of recent prompts that are kept, for each model; 0: none. */
  PROMPT_MEMORY_BYTES: integer(0, 2 ** 50).default(256 * MIB),
  MAX_BODY_BYTES: integer(1024, GIB).default(MIB),
  /** Of an uploaded data set; larger ones could not be read. */
  MAX_DATASET_BYTES: integer(1024, 256 * MIB).default(64 * MIB),
  MAX_ACTIVE_RUNS: integer(1, 10_000).default(64),
  MAX_QUEUED_RUNS: integer(0, 100_000).default(256),
  /** Residual streams and read-outs of all runs in flight, as estimated before they start. */
  MAX_RUN_MEMORY_BYTES: integer(MIB, 2 ** 50).default(() => Math.floor(memoryBytes() / 4)),
  /** Text of one run's events, as estimated before it starts. */
  MAX_RUN_LOG_BYTES: integer(MIB, 2 ** 50).default(GIB),
  /** Logs of finished runs that are kept, the newest first. */
  RUN_LOG_RETENTION_RUNS: integer(1, 10_000_000).default(1000),
  RUN_LOG_RETENTION_BYTES: integer(MIB, 2 ** 50).default(4 * GIB),
  /** How long logs of finished runs are kept; 0: as long as there is room for them. */
  RUN_LOG_RETENTION_SECONDS: integer(0, 2 ** 40).default(0),
  SSE_HEARTBEAT_SECONDS: integer(1, 3600).default(5),
  /** What may wait for one client before its connection is closed. */
  MAX_CLIENT_QUEUE_BYTES: integer(4096, GIB).default(8 * MIB),
  /** How long streams in flight may take to end after SIGTERM. */
  DRAIN_SECONDS: integer(0, 3600).default(20),
} as const;

/** RAM, or the container's share of it. */
function memoryBytes(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

/** Where models come from, and where they are kept. */
export interface HubConfig {
  /** The cache of the hub's clients. */
  readonly cacheDir: string;
  /** null: the hub itself. */
  readonly endpoint: string | null;
  readonly token: string | null;
  /** Where there is a token when none is set. */
  readonly tokenFile: string;
  readonly allowDownloads: boolean;
  readonly maxDownloadBytes: number;
}

export interface Config {
  readonly port: number;
  readonly host: string;
  readonly modelsDir: string;
  readonly datasetsDir: string;
  readonly dataDir: string;
  /** null: an embedded database in `dataDir`. */
  readonly databaseUrl: string | null;
  readonly experimentChunks: number;
  readonly hub: HubConfig;
  readonly device: "auto" | "cpu" | "webgpu" | "cuda";
  readonly threads: number | null;
  readonly weights: "packed" | "mapped";
  readonly halfPrecision: "auto" | "fold" | "keep";
  readonly apiKeys: readonly string[];
  readonly logLevel: "silent" | "error" | "warn" | "info" | "debug";
  readonly engineIdleSeconds: number | null;
  readonly modelMemoryBytes: number;
  readonly promptMemoryBytes: number;
  readonly maxBodyBytes: number;
  readonly maxDatasetBytes: number;
  readonly maxActiveRuns: number;
  readonly maxQueuedRuns: number;
  readonly maxRunMemoryBytes: number;
  readonly maxRunLogBytes: number;
  readonly runLogRetentionRuns: number;
  readonly runLogRetentionBytes: number;
  /** null: however old. */
  readonly runLogRetentionSeconds: number | null;
  readonly heartbeatSeconds: number;
  readonly maxClientQueueBytes: number;
  readonly drainSeconds: number;
}

/** A variable has a value that it may not have. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads the configuration. An empty variable counts as absent. Throws `ConfigError` naming every wrong value. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const wrong: string[] = [];
  function read<K extends keyof typeof variables>(name: K): z.output<(typeof variables)[K]> {
    const value = environment[name]?.trim() || undefined;
    const result = variables[name].safeParse(value);
    if (result.success) return result.data as z.output<(typeof variables)[K]>;
    const shown = SECRET.has(name) || (name === "HF_ENDPOINT" && value?.includes("@")) ? "(not shown)" : JSON.stringify(value);
    wrong.push(`${name} is ${shown}; it must be ${result.error.issues[0]?.message}.`);
    return undefined as never;
  }
  const idle = read("ENGINE_IDLE_SECONDS");
  const allowOpen = read("ALLOW_OPEN");
  const cacheHome = read("XDG_CACHE_HOME") ?? join(homedir(), ".cache");
  const hubHome = atHome(read("HF_HOME") ?? join(cacheHome, "huggingface"));
  const hub: HubConfig = {
    cacheDir: atHome(read("HF_HUB_CACHE") ?? join(hubHome, "hub")),
    endpoint: read("HF_ENDPOINT"),
    token: read("HF_TOKEN"),
    tokenFile: atHome(read("HF_TOKEN_PATH") ?? join(hubHome, "token")),
    allowDownloads: read("ALLOW_DOWNLOADS"),
    maxDownloadBytes: read("MAX_DOWNLOAD_BYTES"),
  };
  const config: Config = {
    port: read("PORT"),
    host: read("HOST"),
    modelsDir: read("MODELS_DIR"),
    datasetsDir: read("DATASETS_DIR"),
    dataDir: read("DATA_DIR"),
    databaseUrl: read("DATABASE_URL"),
    experimentChunks: read("EXPERIMENT_CHUNKS"),
    hub,
    device: read("DEVICE"),
    threads: read("THREADS"),
    weights: read("WEIGHTS"),
    halfPrecision: read("HALF_PRECISION"),
    apiKeys: read("API_KEYS"),
    logLevel: read("LOG_LEVEL"),
    engineIdleSeconds: idle === 0 ? null : idle,
    modelMemoryBytes: read("MODEL_MEMORY_BYTES"),
    promptMemoryBytes: read("PROMPT_MEMORY_BYTES"),
    maxBodyBytes: read("MAX_BODY_BYTES"),
    maxDatasetBytes: read("MAX_DATASET_BYTES"),
    maxActiveRuns: read("MAX_ACTIVE_RUNS"),
    maxQueuedRuns: read("MAX_QUEUED_RUNS"),
    maxRunMemoryBytes: read("MAX_RUN_MEMORY_BYTES"),
    maxRunLogBytes: read("MAX_RUN_LOG_BYTES"),
    runLogRetentionRuns: read("RUN_LOG_RETENTION_RUNS"),
    runLogRetentionBytes: read("RUN_LOG_RETENTION_BYTES"),
    runLogRetentionSeconds: read("RUN_LOG_RETENTION_SECONDS") || null,
    heartbeatSeconds: read("SSE_HEARTBEAT_SECONDS"),
    maxClientQueueBytes: read("MAX_CLIENT_QUEUE_BYTES"),
    drainSeconds: read("DRAIN_SECONDS"),
  };
  if (wrong.length === 0 && !isLoopback(config.host) && config.apiKeys.length === 0 && !allowOpen)
    wrong.push(
      `HOST is ${JSON.stringify(config.host)}, which others can reach; it must be a loopback address, or API_KEYS set, or ALLOW_OPEN=true.`,
    );
  if (wrong.length > 0) throw new ConfigError(wrong.join("\n"));
  return config;
}

/** Never repeated in a message. */
const SECRET: ReadonlySet<string> = new Set(["API_KEYS", "DATABASE_URL", "HF_TOKEN"]);

/** `~` as a shell has it: the hub's other clients read it so. */
function atHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

function isServer(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
