/** config.json, read through an architecture's table: sizes and switches, checked. */
import type { Architecture, ConfigKey, Derived } from "../architectures/architecture.ts";
import { ARCHITECTURES } from "../architectures/index.ts";
import type { Activation } from "../model-spec.ts";
import { isRecord } from "./safetensors.ts";

/** Largest size that config.json may state: beyond any model, small enough that products stay exact. */
const MAX_SIZE = 2 ** 24;
const MAX_LAYERS = 1024;

export interface ModelConfig {
  readonly architecture: Architecture;
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly dMlp: number;
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly epsilon: number;
  readonly activation: Activation;
  readonly tied: boolean;
  readonly parallel: boolean;
  readonly scaleAttention: boolean;
  readonly scaleByInverseLayer: boolean;
}

/** The configuration, or null where it cannot be used; every reason is added to `problems`. */
export function readConfig(config: Record<string, unknown>, problems: string[]): ModelConfig | null {
  const before = problems.length;
  const type = config.model_type;
  const architecture = typeof type === "string" ? ARCHITECTURES.get(type) : undefined;
  if (!architecture) {
    problems.push(`config.json: the model_type ${JSON.stringify(type)} is not supported; supported are ${[...ARCHITECTURES.keys()].join(", ")}`);
    return null;
  }
  for (const [key, accepted] of Object.entries<readonly unknown[]>({ ...architecture.accepted, quantization_config: [] })) {
    const value = lookup(config, key);
    if (value !== undefined && value !== null && !accepted.includes(value)) {
      const only = accepted.map((each) => JSON.stringify(each));
      problems.push(`config.json: ${key} is ${abbreviate(value)}, which is not supported${only.length ? `; only ${only.join(" or ")} is` : ""}`);
    }
  }
  const find = <T>({ keys, default: fallback }: ConfigKey<T>): unknown => {
    for (const key of keys) {
      const value = lookup(config, key);
      if (value !== undefined && value !== null) return value;
    }
    if (fallback === undefined) problems.push(`config.json has no ${keys.join(" or ")}`);
    return fallback;
  };
  const keys = architecture.config;
  const size = (key: ConfigKey<number | Derived>, derived: Partial<Record<Derived, number>> = {}, most = MAX_SIZE): number => {
    const found = find(key);
    const value = typeof found === "string" && found in derived ? derived[found as Derived] : found;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
    if (value !== undefined) problems.push(`config.json: ${key.keys[0] ?? "a derived size"} is ${abbreviate(value)}; a whole number from 1 to ${most} is expected`);
    return 1;
  };
  const flag = (key: ConfigKey<boolean>): boolean => {
    const value = find(key);
    if (typeof value !== "boolean") problems.push(`config.json: ${key.keys[0]} is ${abbreviate(value)}; true or false is expected`);
    return value === true;
  };

  const dModel = size(keys.dModel);
  const nHeads = size(keys.nHeads);
  if (dModel % nHeads !== 0 && keys.headDim.default === "d_model/n_heads" && !keys.headDim.keys.some((key) => lookup(config, key))) {
    problems.push(`config.json: d_model ${dModel} is not a multiple of the ${nHeads} heads`);
  }
  const kvHeads = size(keys.kvHeads, { n_heads: nHeads });
  if (nHeads % kvHeads !== 0) problems.push(`config.json: the ${nHeads} heads are not a multiple of the ${kvHeads} key-value heads`);
  const epsilon = find(keys.epsilon);
  if (typeof epsilon !== "number" || !(epsilon >= 0 && epsilon < 1)) {
    problems.push(`config.json: ${keys.epsilon.keys[0]} is ${abbreviate(epsilon)}; a number from 0 to 1 is expected`);
  }
  const activation = find(keys.activation);
  const known = typeof activation === "string" && Object.hasOwn(architecture.activations, activation) ? architecture.activations[activation] : undefined;
  if (!known) {
    const names = Object.keys(architecture.activations).join(", ");
    problems.push(`config.json: ${keys.activation.keys[0]} is ${abbreviate(activation)}, which is not supported; supported are ${names}`);
  }
  const read: ModelConfig = {
    architecture,
    nLayers: size(keys.nLayers, {}, MAX_LAYERS),
    dModel,
    nHeads,
    kvHeads,
    headDim: size(keys.headDim, { "d_model/n_heads": Math.max(1, Math.floor(dModel / nHeads)) }),
    dMlp: size(keys.dMlp, { "4·d_model": 4 * dModel }),
    vocabSize: size(keys.vocabSize),
    contextLength: size(keys.contextLength),
    epsilon: epsilon as number,
    activation: known as Activation,
    tied: flag(keys.tied),
    parallel: flag(keys.parallel),
    scaleAttention: flag(keys.scaleAttention),
    scaleByInverseLayer: flag(keys.scaleByInverseLayer),
  };
  return problems.length === before ? read : null;
}

function lookup(config: Record<string, unknown>, path: string): unknown {
  let value: unknown = config;
  for (const key of path.split(".")) value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

/** A value as it stands, no longer than a line. */
function abbreviate(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
