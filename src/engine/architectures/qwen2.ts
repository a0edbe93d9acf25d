import { type Architecture, always, frozen, setting } from "./architecture.ts";

const biased = always(true);
const unbiased = always(false);

/** Qwen 2 and 2.5: rotary, grouped queries with biases on q, k and v alone, RMSNorm, SwiGLU, sequential blocks, tied or not. */
export const qwen2: Architecture = frozen<Architecture>({
  modelType: "qwen2",
  sizes: {
    layers: setting("num_hidden_layers", 32),
    dModel: setting("hidden_size", 4096),
    heads: setting("num_attention_heads", 32),
    kvHeads: setting("num_key_value_heads", 32),
    headDim: setting("head_dim", null),
    dMlp: setting("intermediate_size", 22016),
    vocab: setting("vocab_size", 151936),
    context: setting("max_position_embeddings", 32768),
  },
  normEpsilon: setting("rms_norm_eps", 1e-6),
  activation: setting("hidden_act", "silu"),
  bases: ["model.", ""],
  tokenEmbedding: "{base}embed_tokens.weight",
  positionEmbedding: null,
  block: {
    parallel: always(false),
    attnNorm: { kind: "rms", name: "{base}layers.{i}.input_layernorm", bias: false },
    mlpNorm: { kind: "rms", name: "{base}layers.{i}.post_attention_layernorm", bias: false },
    qkv: {
      kind: "split",
      q: { name: "{base}layers.{i}.self_attn.q_proj", layout: "out_in", bias: biased },
      k: { name: "{base}layers.{i}.self_attn.k_proj", layout: "out_in", bias: biased },
      v: { name: "{base}layers.{i}.self_attn.v_proj", layout: "out_in", bias: biased },
    },
    attnOut: { name: "{base}layers.{i}.self_attn.o_proj", layout: "out_in", bias: unbiased },
    scaledByHeadDim: always(true),
    scaledByBlock: always(false),
    rotary: {
      fraction: always(1),
      theta: setting(["rope_parameters.rope_theta", "rope_theta"], 10000),
      scaling: ["rope_scaling", "rope_parameters"],
    },
    mlp: {
      kind: "gated",
      gate: { name: "{base}layers.{i}.mlp.gate_proj", layout: "out_in", bias: unbiased },
      up: { name: "{base}layers.{i}.mlp.up_proj", layout: "out_in", bias: unbiased },
      down: { name: "{base}layers.{i}.mlp.down_proj", layout: "out_in", bias: unbiased },
    },
  },
  finalNorm: { kind: "rms", name: "{base}norm", bias: false },
  unembed: { name: "lm_head", layout: "out_in", bias: unbiased, tied: setting("tie_word_embeddings", false) },
  refused: [
    { key: "use_sliding_window", allowed: [false] },
    { key: "layer_types", allowed: ["full_attention"] },
    { key: "partial_rotary_factor", allowed: [1] },
    { key: "rope_parameters.partial_rotary_factor", allowed: [1] },
  ],
});
