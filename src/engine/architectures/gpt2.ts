/** GPT-2 (openai/gpt2 …): sequential blocks, LayerNorm, learned positions, fused queries, keys and values as Conv1D. */
import type { Architecture, LinearNames, NormNames } from "./architecture.ts";

const conv1d = (name: string): LinearNames => ({ weight: `${name}.weight`, bias: `${name}.bias`, layout: "in_out" });
const norm = (name: string): NormNames => ({ weight: `${name}.weight`, bias: `${name}.bias` });

export const gpt2: Architecture = {
  modelType: "gpt2",
  family: "GPT-2",
  config: {
    nLayers: { keys: ["n_layer", "num_hidden_layers"], default: 12 },
    dModel: { keys: ["n_embd", "hidden_size"], default: 768 },
    nHeads: { keys: ["n_head", "num_attention_heads"], default: 12 },
    kvHeads: { keys: [], default: "n_heads" },
    headDim: { keys: [], default: "d_model/n_heads" },
    dMlp: { keys: ["n_inner"], default: "4·d_model" },
    vocabSize: { keys: ["vocab_size"], default: 50257 },
    contextLength: { keys: ["n_positions", "n_ctx", "max_position_embeddings"], default: 1024 },
    epsilon: { keys: ["layer_norm_epsilon"], default: 1e-5 },
    activation: { keys: ["activation_function"], default: "gelu_new" },
    tied: { keys: ["tie_word_embeddings"], default: true },
    scaleAttention: { keys: ["scale_attn_weights"], default: true },
    scaleByInverseLayer: { keys: ["scale_attn_by_inverse_layer_idx"], default: false },
    parallel: { keys: [], default: false },
  },
  // reorder_and_upcast_attn changes only the order of operations in half precision.
  accepted: { add_cross_attention: [false] },
  prefixes: ["transformer.", ""],
  activations: { gelu_new: "gelu_tanh", gelu_pytorch_tanh: "gelu_tanh", gelu: "gelu", relu: "relu", silu: "silu", swish: "silu" },
  norm: "layer",
  rotary: null,
  tensors: {
    tokenEmbedding: "wte.weight",
    positionEmbedding: "wpe.weight",
    attnNorm: norm("h.{i}.ln_1"),
    mlpNorm: norm("h.{i}.ln_2"),
    qkv: { kind: "fused", order: "parts", ...conv1d("h.{i}.attn.c_attn") },
    attnOut: conv1d("h.{i}.attn.c_proj"),
    mlp: { kind: "plain", up: conv1d("h.{i}.mlp.c_fc"), down: conv1d("h.{i}.mlp.c_proj") },
    finalNorm: norm("ln_f"),
    unembed: { weight: "lm_head.weight", bias: null, layout: "out_in" },
  },
};
