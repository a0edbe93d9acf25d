/** The tensors that a family's table asks for, with what random numbers they are filled with. */
import type { Architecture, LinearTable, NormTable } from "../../src/engine/architectures/architecture.ts";
import { ConfigReader } from "../../src/engine/checkpoint/config.ts";
import type { JsonObject } from "../../src/engine/checkpoint/files.ts";
import { readSizes } from "../../src/engine/checkpoint/sizes.ts";
import type { TensorType } from "../../src/engine/model-spec.ts";

export interface RandomTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly mean: number;
  readonly deviation: number;
  /** Where it is not the checkpoint's. */
  readonly type?: TensorType;
}

/**
 * `telling`: weights, biases and norms are all well away from 0 and 1, so that a forgotten one shows.
 * `calm`: as a model is initialised before training (0.02, norms about 1), so that hundreds of blocks stay finite.
 */
export type Initialisation = "telling" | "calm";

/** In the order of a forward pass. Throws where the configuration is none of the family's. */
export function tensorsOf(
  architecture: Architecture,
  config: JsonObject,
  { base = architecture.bases[0] ?? "", init = "telling" as Initialisation } = {},
): RandomTensor[] {
  const problems: string[] = [];
  const reader = new ConfigReader(config, problems);
  const { nLayers, dModel, nHeads, kvHeads, headDim, dMlp, vocabSize, contextLength } = readSizes(reader, architecture, problems);
  const telling = init === "telling";
  const tensors: RandomTensor[] = [];
  const add = (template: string, i: number, shape: readonly number[], mean: number, deviation: number) =>
    tensors.push({ name: template.replace("{base}", base).replace("{i}", String(i)), shape, mean, deviation });
  const linear = ({ name, layout, bias }: LinearTable, from: number, to: number, i: number, calm = 0.02) => {
    add(`${name}.weight`, i, layout === "in_out" ? [from, to] : [to, from], 0, telling ? 1.2 / Math.sqrt(from) : calm);
    if (reader.flag(bias)) add(`${name}.bias`, i, [to], 0, telling ? 0.2 : 0.02);
  };
  const norm = (table: NormTable, i = 0) => {
    add(`${table.name}.weight`, i, [dModel], 1, telling ? 0.3 : 0.02);
    if (table.bias) add(`${table.name}.bias`, i, [dModel], 0, telling ? 0.3 : 0.02);
  };

  const { block, unembed } = architecture;
  const [q, kv] = [nHeads * headDim, kvHeads * headDim];
  const written = 0.02 / Math.sqrt(2 * nLayers); // maps that write into the residual stream
  add(architecture.tokenEmbedding, 0, [vocabSize, dModel], 0, telling ? 0.8 : 0.02);
  if (architecture.positionEmbedding) add(architecture.positionEmbedding, 0, [contextLength, dModel], 0, telling ? 0.3 : 0.01);
  for (let i = 0; i < nLayers; i++) {
    norm(block.attnNorm, i);
    if (block.qkv.kind === "fused") linear(block.qkv.linear, dModel, q + 2 * kv, i);
    else {
      linear(block.qkv.q, dModel, q, i);
      linear(block.qkv.k, dModel, kv, i);
      linear(block.qkv.v, dModel, kv, i);
    }
    linear(block.attnOut, q, dModel, i, written);
    if (block.mlpNorm) norm(block.mlpNorm, i);
    if (block.mlp.kind === "gated") linear(block.mlp.gate, dModel, dMlp, i);
    linear(block.mlp.up, dModel, dMlp, i);
    linear(block.mlp.down, dMlp, dModel, i, written);
  }
  norm(architecture.finalNorm);
  if (!reader.flag(unembed.tied)) linear(unembed, dModel, vocabSize, 0);
  else if (reader.flag(unembed.bias)) add(`${unembed.name}.bias`, 0, [vocabSize], 0, telling ? 0.2 : 0.02);
  if (problems.length > 0) throw new Error(problems.join("; "));
  return tensors;
}
