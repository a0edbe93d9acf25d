import { type Architecture, always, frozen, setting } from "./architecture.ts";

const biased = always(true);

/** GPT-2: learned positions, sequential blocks, LayerNorm, Conv1D weights, tied unembed. */
export const gpt2: Architecture = frozen<Architecture>({
  modelType: "gpt2",
  sizes: {
    layers: setting(["n_layer", "num_hidden_layers"], 12),
    dModel: setting(["n_embd", "hidden_size"], 768),
    heads: setting(["n_head", "num_attention_heads"], 12),
    kvHeads: always(null),
    headDim: always(null),
    dMlp: setting("n_inner", null),
    vocab: setting("vocab_size", 50257),
    context: setting(["n_positions", "n_ctx", "max_position_embeddings"], 1024),
  },
  normEpsilon: setting("layer_norm_epsilon", 1e-5),
  activation: setting("activation_function", "gelu_new"),
  bases: ["transformer.", ""],
  tokenEmbedding: "{base}wte.weight",
  positionEmbedding: "{base}wpe.weight",
  block: {
    parallel: always(false),
    attnNorm: { kind: "layer", name: "{base}h.{i}.ln_1", bias: true },
    mlpNorm: { kind: "layer", name: "{base}h.{i}.ln_2", bias: true },
    qkv: { kind: "fused", order: "parts", linear: { name: "{base}h.{i}.attn.c_attn", layout: "in_out", bias: biased } },
    attnOut: { name: "{base}h.{i}.attn.c_proj", layout: "in_out", bias: biased },
    scaledByHeadDim: setting("scale_attn_weights", true),
    scaledByBlock: setting("scale_attn_by_inverse_layer_idx", false),
    rotary: null,
    mlp: {
      kind: "plain",
      up: { name: "{base}h.{i}.mlp.c_fc", layout: "in_out", bias: biased },
      down: { name: "{base}h.{i}.mlp.c_proj", layout: "in_out", bias: biased },
    },
  },
  finalNorm: { kind: "layer", name: "{base}ln_f", bias: true },
  unembed: { name: "lm_head", layout: "out_in", bias: always(false), tied: setting("tie_word_embeddings", true) },
  refused: [
    { key: "add_cross_attention", allowed: [false] },
    { key: "pruned_heads", allowed: [{}] },
  ],
});
