import { type Architecture, always, frozen, setting } from "./architecture.ts";

const biased = always(true);

/** Phi 1, 1.5 and 2: rotary on part of a head, parallel blocks that share one LayerNorm, biases everywhere, the unembed too. */
export const phi: Architecture = frozen<Architecture>({
  modelType: "phi",
  sizes: {
    layers: setting("num_hidden_layers", 24),
    dModel: setting("hidden_size", 2048),
    heads: setting("num_attention_heads", 32),
    kvHeads: setting("num_key_value_heads", null),
    headDim: setting("head_dim", null),
    dMlp: setting("intermediate_size", 8192),
    vocab: setting("vocab_size", 51200),
    context: setting("max_position_embeddings", 2048),
  },
  normEpsilon: setting("layer_norm_eps", 1e-5),
  activation: setting("hidden_act", "gelu_new"),
  bases: ["model.", ""],
  tokenEmbedding: "{base}embed_tokens.weight",
  positionEmbedding: null,
  block: {
    parallel: always(true),
    attnNorm: { kind: "layer", name: "{base}layers.{i}.input_layernorm", bias: true },
    mlpNorm: null,
    qkv: {
      kind: "split",
      q: { name: "{base}layers.{i}.self_attn.q_proj", layout: "out_in", bias: biased },
      k: { name: "{base}layers.{i}.self_attn.k_proj", layout: "out_in", bias: biased },
      v: { name: "{base}layers.{i}.self_attn.v_proj", layout: "out_in", bias: biased },
    },
    attnOut: { name: "{base}layers.{i}.self_attn.dense", layout: "out_in", bias: biased },
    scaledByHeadDim: always(true),
    scaledByBlock: always(false),
    rotary: {
      fraction: setting(["rope_parameters.partial_rotary_factor", "partial_rotary_factor"], 0.5),
      theta: setting(["rope_parameters.rope_theta", "rope_theta"], 10000),
      scaling: ["rope_scaling", "rope_parameters"],
    },
    mlp: {
      kind: "plain",
      up: { name: "{base}layers.{i}.mlp.fc1", layout: "out_in", bias: biased },
      down: { name: "{base}layers.{i}.mlp.fc2", layout: "out_in", bias: biased },
    },
  },
  finalNorm: { kind: "layer", name: "{base}final_layernorm", bias: true },
  unembed: { name: "lm_head", layout: "out_in", bias: biased, tied: setting("tie_word_embeddings", false) },
  refused: [{ key: "qk_layernorm", allowed: [false] }],
});
