import { type Architecture, always, frozen, setting } from "./architecture.ts";

const attentionBias = setting("attention_bias", false);
const mlpBias = setting("mlp_bias", false);

/** Llama and its relatives: rotary, grouped queries, RMSNorm, SwiGLU, sequential blocks, tied or not. */
export const llama: Architecture = frozen<Architecture>({
  modelType: "llama",
  sizes: {
    layers: setting("num_hidden_layers", 32),
    dModel: setting("hidden_size", 4096),
    heads: setting("num_attention_heads", 32),
    kvHeads: setting("num_key_value_heads", null),
    headDim: setting("head_dim", null),
    dMlp: setting("intermediate_size", 11008),
    vocab: setting("vocab_size", 32000),
    context: setting("max_position_embeddings", 2048),
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
      q: { name: "{base}layers.{i}.self_attn.q_proj", layout: "out_in", bias: attentionBias },
      k: { name: "{base}layers.{i}.self_attn.k_proj", layout: "out_in", bias: attentionBias },
      v: { name: "{base}layers.{i}.self_attn.v_proj", layout: "out_in", bias: attentionBias },
    },
    attnOut: { name: "{base}layers.{i}.self_attn.o_proj", layout: "out_in", bias: attentionBias },
    scaledByHeadDim: always(true),
    scaledByBlock: always(false),
    rotary: {
      fraction: always(1),
      theta: setting(["rope_parameters.rope_theta", "rope_theta"], 10000),
      scaling: ["rope_scaling", "rope_parameters"],
    },
    mlp: {
      kind: "gated",
      gate: { name: "{base}layers.{i}.mlp.gate_proj", layout: "out_in", bias: mlpBias },
      up: { name: "{base}layers.{i}.mlp.up_proj", layout: "out_in", bias: mlpBias },
      down: { name: "{base}layers.{i}.mlp.down_proj", layout: "out_in", bias: mlpBias },
    },
  },
  finalNorm: { kind: "rms", name: "{base}norm", bias: false },
  unembed: { name: "lm_head", layout: "out_in", bias: always(false), tied: setting("tie_word_embeddings", false) },
  refused: [
    { key: "partial_rotary_factor", allowed: [1] },
    { key: "rope_parameters.partial_rotary_factor", allowed: [1] },
  ],
});
