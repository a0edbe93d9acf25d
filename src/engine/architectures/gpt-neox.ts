import { type Architecture, always, frozen, setting } from "./architecture.ts";

const biased = always(true);
/** Of queries, keys, values and the attention's output alike. */
const attentionBias = setting("attention_bias", true);

/** GPT-NeoX and Pythia: rotary on part of a head, parallel blocks with two norms (or sequential ones), LayerNorm, untied. */
export const gptNeox: Architecture = frozen<Architecture>({
  modelType: "gpt_neox",
  sizes: {
    layers: setting("num_hidden_layers", 44),
    dModel: setting("hidden_size", 6144),
    heads: setting("num_attention_heads", 64),
    kvHeads: always(null),
    headDim: always(null),
    dMlp: setting("intermediate_size", 24576),
    vocab: setting("vocab_size", 50432),
    context: setting("max_position_embeddings", 2048),
  },
  normEpsilon: setting("layer_norm_eps", 1e-5),
  activation: setting("hidden_act", "gelu"),
  bases: ["gpt_neox.", ""],
  tokenEmbedding: "{base}embed_in.weight",
  positionEmbedding: null,
  block: {
    parallel: setting("use_parallel_residual", true),
    attnNorm: { kind: "layer", name: "{base}layers.{i}.input_layernorm", bias: true },
    mlpNorm: { kind: "layer", name: "{base}layers.{i}.post_attention_layernorm", bias: true },
    qkv: {
      kind: "fused",
      order: "heads",
      linear: { name: "{base}layers.{i}.attention.query_key_value", layout: "out_in", bias: attentionBias },
    },
    attnOut: { name: "{base}layers.{i}.attention.dense", layout: "out_in", bias: attentionBias },
    scaledByHeadDim: always(true),
    scaledByBlock: always(false),
    rotary: {
      fraction: setting(["rope_parameters.partial_rotary_factor", "rotary_pct"], 0.25),
      theta: setting(["rope_parameters.rope_theta", "rotary_emb_base"], 10000),
      scaling: ["rope_scaling", "rope_parameters"],
    },
    mlp: {
      kind: "plain",
      up: { name: "{base}layers.{i}.mlp.dense_h_to_4h", layout: "out_in", bias: biased },
      down: { name: "{base}layers.{i}.mlp.dense_4h_to_h", layout: "out_in", bias: biased },
    },
  },
  finalNorm: { kind: "layer", name: "{base}final_layer_norm", bias: true },
  unembed: { name: "embed_out", layout: "out_in", bias: always(false), tied: setting("tie_word_embeddings", false) },
  refused: [],
});
