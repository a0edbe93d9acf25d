/** An architecture's table, a configuration and the tensors that are there, made into the parts of a model. */
import type { LinearNames, NormNames } from "../architectures/architecture.ts";
import type { BlockSpec, LinearSpec, ModelSpec, NormSpec, TensorRef } from "../model-spec.ts";
import type { ModelConfig } from "./config.ts";
import { isWeightType, type StoredTensor } from "./safetensors.ts";

export type ModelParts = Pick<ModelSpec, "tokenEmbedding" | "positionEmbedding" | "blocks" | "finalNorm" | "unembed"> & {
  /** Every tensor that is used, once. */
  readonly used: readonly TensorRef[];
};

/** Null where a tensor is missing, or of another shape or type; all of them are added to `problems`. */
export function interpret(config: ModelConfig, tensors: ReadonlyMap<string, StoredTensor>, problems: string[]): ModelParts | null {
  const { architecture, dModel, dMlp, nHeads, kvHeads, headDim, vocabSize } = config;
  const before = problems.length;
  const names = architecture.tensors;
  const prefix = architecture.prefixes.find((each) => tensors.has(each + names.tokenEmbedding)) ?? (architecture.prefixes[0] as string);
  const used = new Map<string, TensorRef>();

  const take = (name: string, shape: readonly number[], bare = false): TensorRef => {
    const full = bare ? name : prefix + name;
    const tensor = tensors.get(full);
    const ref = { ...(tensor ?? { name: full, file: "", shape, offset: 0, length: 0 }), type: "F32" as TensorRef["type"] };
    if (!tensor) problems.push(`the tensor ${full} is missing; its shape would be [${shape.join(", ")}]`);
    else if (!isWeightType(tensor.type)) problems.push(`the tensor ${full} has the type ${tensor.type}; F32, F16 and BF16 can be read`);
    else if (tensor.shape.length !== shape.length || tensor.shape.some((size, axis) => size !== shape[axis])) {
      problems.push(`the tensor ${full} has the shape [${tensor.shape.join(", ")}]; [${shape.join(", ")}] is expected`);
    } else ref.type = tensor.type;
    used.set(full, ref);
    return ref;
  };
  const norm = (name: NormNames): NormSpec => ({
    kind: architecture.norm,
    weight: take(name.weight, [dModel]),
    bias: name.bias ? take(name.bias, [dModel]) : null,
    epsilon: config.epsilon,
  });
  const linear = (name: LinearNames, inFeatures: number, outFeatures: number, bare = false): LinearSpec => ({
    weight: take(name.weight, name.layout === "in_out" ? [inFeatures, outFeatures] : [outFeatures, inFeatures], bare),
    bias: name.bias ? take(name.bias, [outFeatures], bare) : null,
    layout: name.layout,
    inFeatures,
    outFeatures,
  });

  const block = (index: number): BlockSpec => {
    const at = <T extends object>(named: T): T => JSON.parse(JSON.stringify(named).replaceAll("{i}", String(index))) as T;
    const { qkv, mlp } = names;
    const heads = nHeads * headDim;
    const kv = kvHeads * headDim;
    return {
      parallel: config.parallel,
      attnNorm: norm(at(names.attnNorm)),
      mlpNorm: names.mlpNorm ? norm(at(names.mlpNorm)) : null,
      attention: {
        qkv:
          qkv.kind === "fused"
            ? { kind: "fused", order: qkv.order, linear: linear(at(qkv), dModel, heads + 2 * kv) }
            : { kind: "split", q: linear(at(qkv.q), dModel, heads), k: linear(at(qkv.k), dModel, kv), v: linear(at(qkv.v), dModel, kv) },
        out: linear(at(names.attnOut), heads, dModel),
        heads: nHeads,
        kvHeads,
        headDim,
        scale: (config.scaleAttention ? 1 / Math.sqrt(headDim) : 1) / (config.scaleByInverseLayer ? index + 1 : 1),
        rotary: null,
      },
      mlp: {
        activation: config.activation,
        up: linear(at(mlp.up), dModel, dMlp),
        down: linear(at(mlp.down), dMlp, dModel),
        ...(mlp.kind === "gated" ? { kind: "gated", gate: linear(at(mlp.gate), dModel, dMlp) } : { kind: "plain" }),
      },
    };
  };

  const tokenEmbedding = take(names.tokenEmbedding, [vocabSize, dModel]);
  const positionEmbedding = names.positionEmbedding ? take(names.positionEmbedding, [config.contextLength, dModel]) : null;
  const blocks = Array.from({ length: config.nLayers }, (_, index) => block(index));
  const finalNorm = norm(names.finalNorm);
  const unembed: LinearSpec = config.tied
    ? { weight: tokenEmbedding, bias: null, layout: "out_in", inFeatures: dModel, outFeatures: vocabSize }
    : linear(names.unembed, dModel, vocabSize, true);
  if (problems.length > before) return null;
  return { tokenEmbedding, positionEmbedding, blocks, finalNorm, unembed, used: [...used.values()] };
}
