import type { Architecture } from "../architectures/architecture.ts";
import { architectures } from "../architectures/index.ts";
import { type ConfigReader, MAX_LAYERS } from "./config.ts";
import type { JsonObject } from "./files.ts";
import { quote } from "./problems.ts";

/** Every size of a model, as its config.json has them. */
export interface ModelSizes {
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly dMlp: number;
  readonly vocabSize: number;
  readonly contextLength: number;
}

/** The family of a configuration; null, with a problem added, where it is none that is read. */
export function findArchitecture(config: JsonObject, problems: string[]): Architecture | null {
  const family = architectures.get(config.model_type as string);
  if (family) return family;
  problems.push(`config.json: model_type is ${quote(config.model_type)}; supported: ${[...architectures.keys()].join(", ")}`);
  return null;
}

/** Reads all sizes; those that do not go together are added to the problems. */
export function readSizes(config: ConfigReader, { sizes }: Architecture, problems: string[]): ModelSizes {
  const dModel = config.size(sizes.dModel);
  const nHeads = config.size(sizes.heads);
  const kvHeads = config.size(sizes.kvHeads) ?? nHeads;
  const headDim = config.size(sizes.headDim);
  if (headDim === null && dModel % nHeads !== 0) {
    problems.push(
      `config.json: ${sizes.dModel.keys[0]} is ${dModel}; a multiple of ${sizes.heads.keys[0]}, ${nHeads}, is expected`,
    );
  }
  if (nHeads % kvHeads !== 0) {
    problems.push(
      `config.json: ${sizes.heads.keys[0]} is ${nHeads}; a multiple of ${sizes.kvHeads.keys[0]}, ${kvHeads}, is expected`,
    );
  }
  return {
    nLayers: config.size(sizes.layers, MAX_LAYERS),
    dModel,
    nHeads,
    kvHeads,
    headDim: headDim ?? Math.max(1, Math.floor(dModel / nHeads)),
    dMlp: config.size(sizes.dMlp) ?? 4 * dModel,
    vocabSize: config.size(sizes.vocab),
    contextLength: config.size(sizes.context),
  };
}
