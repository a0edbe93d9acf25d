/** Turns a configuration and tensors into a model's specification, as the table of its family says. Knows no family. */
import type { Architecture, LinearTable } from "../architectures/architecture.ts";
import type { AttentionSpec, BlockSpec, MlpSpec, ModelSpec, RotarySpec } from "../model-spec.ts";
import { ConfigReader } from "./config.ts";
import type { JsonObject } from "./files.ts";
import { readRotary } from "./rotary.ts";
import { type ModelSizes, readSizes } from "./sizes.ts";
import { TensorFinder } from "./tensors.ts";
import type { Weights } from "./weights.ts";

export type InterpretedSpec = Omit<ModelSpec, "revision" | "tokenCount">;

/**
 * The specification, of use only where no problem was added. Without weights (they could not be read) only the
 * configuration is checked, and null returned; likewise where a size is wrong, since no shape can be expected then.
 */
export function interpret(
  config: JsonObject,
  weights: Weights | null,
  architecture: Architecture,
  problems: string[],
): InterpretedSpec | null {
  const before = problems.length;
  const reader = new ConfigReader(config, problems);
  reader.refuse(architecture);
  const sizes = readSizes(reader, architecture, problems);
  const { block, unembed } = architecture;
  const common: Common = {
    sizes,
    epsilon: reader.positive(architecture.normEpsilon),
    parallel: reader.flag(block.parallel),
    scaledByHeadDim: reader.flag(block.scaledByHeadDim),
    scaledByBlock: reader.flag(block.scaledByBlock),
    activation: reader.activation(architecture.activation),
    rotary: block.rotary && readRotary(reader, block.rotary, sizes.headDim, problems),
  };
  const tied = reader.flag(unembed.tied);
  for (const bias of new Set(linearTables(architecture).map((table) => table.bias))) reader.flag(bias);
  if (!weights || problems.length > before) return null;

  const { nLayers, dModel, nHeads, dMlp, vocabSize, contextLength } = sizes;
  const tensors = new TensorFinder(weights, reader, architecture, problems);
  const tokenEmbedding = tensors.find(architecture.tokenEmbedding, [vocabSize, dModel]);
  const positionEmbedding =
    architecture.positionEmbedding && tensors.find(architecture.positionEmbedding, [contextLength, dModel]);
  const blocks = Array.from({ length: nLayers }, (_, i) => readBlock(tensors, architecture, common, i));
  const finalNorm = tensors.norm(architecture.finalNorm, dModel, common.epsilon);
  return {
    family: architecture.modelType,
    nLayers,
    dModel,
    nHeads,
    dMlp,
    vocabSize,
    contextLength,
    tokenEmbedding,
    positionEmbedding: positionEmbedding || null,
    blocks,
    finalNorm,
    unembed: tensors.linear(unembed, dModel, vocabSize, 0, tied ? architecture.tokenEmbedding : undefined),
    diskBytes: tensors.used.reduce((sum, { length }) => sum + length, 0),
    float32Bytes: tensors.used.reduce((sum, { type, length }) => sum + (type === "F32" ? length : 2 * length), 0),
  };
}

function linearTables({ block: { qkv, attnOut, mlp }, unembed }: Architecture): LinearTable[] {
  const projections = qkv.kind === "fused" ? [qkv.linear] : [qkv.q, qkv.k, qkv.v];
  return [...projections, attnOut, ...(mlp.kind === "gated" ? [mlp.gate] : []), mlp.up, mlp.down, unembed];
}

/** What all blocks of a model share. */
interface Common {
  readonly sizes: ModelSizes;
  readonly epsilon: number;
  readonly parallel: boolean;
  readonly scaledByHeadDim: boolean;
  readonly scaledByBlock: boolean;
  readonly activation: MlpSpec["activation"];
  readonly rotary: RotarySpec | null;
}

function readBlock(tensors: TensorFinder, { block }: Architecture, common: Common, i: number): BlockSpec {
  const { dModel, dMlp } = common.sizes;
  const { activation } = common;
  const up = tensors.linear(block.mlp.up, dModel, dMlp, i);
  const down = tensors.linear(block.mlp.down, dMlp, dModel, i);
  return {
    parallel: common.parallel,
    attnNorm: tensors.norm(block.attnNorm, dModel, common.epsilon, i),
    mlpNorm: block.mlpNorm && tensors.norm(block.mlpNorm, dModel, common.epsilon, i),
    attention: readAttention(tensors, block, common, i),
    mlp:
      block.mlp.kind === "gated"
        ? { kind: "gated", gate: tensors.linear(block.mlp.gate, dModel, dMlp, i), up, down, activation }
        : { kind: "plain", up, down, activation },
  };
}

function readAttention(tensors: TensorFinder, block: Architecture["block"], common: Common, i: number): AttentionSpec {
  const { dModel, nHeads, kvHeads, headDim } = common.sizes;
  const { qkv } = block;
  const [q, kv] = [nHeads * headDim, kvHeads * headDim];
  return {
    qkv:
      qkv.kind === "fused"
        ? { kind: "fused", order: qkv.order, linear: tensors.linear(qkv.linear, dModel, q + 2 * kv, i) }
        : {
            kind: "split",
            q: tensors.linear(qkv.q, dModel, q, i),
            k: tensors.linear(qkv.k, dModel, kv, i),
            v: tensors.linear(qkv.v, dModel, kv, i),
          },
    out: tensors.linear(block.attnOut, q, dModel, i),
    heads: nHeads,
    kvHeads,
    headDim,
    scale: (common.scaledByHeadDim ? 1 / Math.sqrt(headDim) : 1) / (common.scaledByBlock ? i + 1 : 1),
    rotary: common.rotary,
  };
}
