/** Each family's configurations: those published load with their sizes, those that compute something else are refused. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RandomTensor } from "../../../scripts/random-checkpoint/tensors.ts";
import type { Architecture, RotaryTable } from "../../../src/engine/architectures/architecture.ts";
import { ConfigReader } from "../../../src/engine/checkpoint/config.ts";
import type { JsonObject } from "../../../src/engine/checkpoint/files.ts";
import { interpret } from "../../../src/engine/checkpoint/interpret.ts";
import { openCheckpoint } from "../../../src/engine/checkpoint/open.ts";
import { readRotary } from "../../../src/engine/checkpoint/rotary.ts";
import { findArchitecture, readSizes } from "../../../src/engine/checkpoint/sizes.ts";
import type { BlockSpec } from "../../../src/engine/model-spec.ts";
import { writeRandom } from "../../support/checkpoint.ts";
import { CHECKPOINTS } from "../../support/fixtures.ts";
import { copyOf, editJson, emptyFolder, refusalOf } from "./folders.ts";

const LLAMA3 = {
  factor: 32.0,
  high_freq_factor: 4.0,
  low_freq_factor: 1.0,
  original_max_position_embeddings: 8192,
  rope_type: "llama3",
};

/** Keys of published configurations, those that compute nothing among them, and sizes as their papers have them. */
const PUBLISHED: Record<string, [config: Record<string, unknown>, sizes: Record<string, unknown>]> = {
  "Pythia 70M": [
    {
      model_type: "gpt_neox",
      architectures: ["GPTNeoXForCausalLM"],
      hidden_act: "gelu",
      hidden_size: 512,
      intermediate_size: 2048,
      layer_norm_eps: 1e-5,
      max_position_embeddings: 2048,
      num_attention_heads: 8,
      num_hidden_layers: 6,
      rotary_emb_base: 10000,
      rotary_pct: 0.25,
      tie_word_embeddings: false,
      torch_dtype: "float16",
      use_cache: true,
      use_parallel_residual: true,
      vocab_size: 50304,
    },
    { nLayers: 6, dModel: 512, headDim: 64, kvHeads: 8, dMlp: 2048, rotary: 16 },
  ],
  "GPT-NeoX 20B": [
    {
      model_type: "gpt_neox",
      attention_probs_dropout_prob: 0,
      hidden_act: "gelu_fast",
      rotary_emb_base: 10000,
      rotary_pct: 0.25,
      hidden_dropout_prob: 0,
    },
    { nLayers: 44, dModel: 6144, headDim: 96, kvHeads: 64, dMlp: 24576, rotary: 24 },
  ],
  "Phi-2": [
    {
      model_type: "phi",
      attention_dropout: 0.0,
      bos_token_id: 50256,
      embd_pdrop: 0.0,
      hidden_act: "gelu_new",
      hidden_size: 2560,
      intermediate_size: 10240,
      layer_norm_eps: 1e-5,
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 32,
      partial_rotary_factor: 0.4,
      qk_layernorm: false,
      rope_scaling: null,
      rope_theta: 10000.0,
      vocab_size: 51200,
    },
    { nLayers: 32, dModel: 2560, headDim: 80, kvHeads: 32, dMlp: 10240, rotary: 32 },
  ],
  "Phi-1, an early configuration": [
    { model_type: "phi", num_key_value_heads: null, layer_norm_eps: 1e-5 },
    { nLayers: 24, dModel: 2048, headDim: 64, kvHeads: 32, dMlp: 8192, rotary: 32 },
  ],
  "Llama 3.2 1B": [
    {
      model_type: "llama",
      attention_bias: false,
      bos_token_id: 128000,
      eos_token_id: [128001, 128008, 128009],
      head_dim: 64,
      hidden_act: "silu",
      hidden_size: 2048,
      intermediate_size: 8192,
      max_position_embeddings: 131072,
      mlp_bias: false,
      num_attention_heads: 32,
      num_hidden_layers: 16,
      num_key_value_heads: 8,
      pretraining_tp: 1,
      rms_norm_eps: 1e-5,
      rope_scaling: LLAMA3,
      rope_theta: 500000.0,
      tie_word_embeddings: true,
      vocab_size: 128256,
    },
    { nLayers: 16, dModel: 2048, headDim: 64, kvHeads: 8, dMlp: 8192, rotary: 64 },
  ],
  "Llama 2 7B": [
    { model_type: "llama", pretraining_tp: 2, rms_norm_eps: 1e-5, rope_scaling: null, max_position_embeddings: 4096 },
    { nLayers: 32, dModel: 4096, headDim: 128, kvHeads: 32, dMlp: 11008, rotary: 128 },
  ],
  "SmolLM2 135M": [
    {
      model_type: "llama",
      hidden_size: 576,
      intermediate_size: 1536,
      is_llama_config: true,
      max_position_embeddings: 8192,
      num_attention_heads: 9,
      num_hidden_layers: 30,
      num_key_value_heads: 3,
      pad_token_id: 2,
      rms_norm_eps: 1e-5,
      rope_interleaved: false,
      rope_scaling: null,
      rope_theta: 100000,
      tie_word_embeddings: true,
      "transformers.js_config": { kv_cache_dtype: { q4f16: "float16" } },
      vocab_size: 49152,
    },
    { nLayers: 30, dModel: 576, headDim: 64, kvHeads: 3, dMlp: 1536, rotary: 64 },
  ],
  "Qwen2.5 14B": [
    {
      model_type: "qwen2",
      bos_token_id: 151643,
      hidden_size: 5120,
      intermediate_size: 13824,
      max_position_embeddings: 131072,
      max_window_layers: 48,
      num_attention_heads: 40,
      num_hidden_layers: 48,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-5,
      rope_theta: 1000000.0,
      sliding_window: 131072,
      tie_word_embeddings: false,
      use_mrope: false,
      use_sliding_window: false,
      vocab_size: 152064,
    },
    { nLayers: 48, dModel: 5120, headDim: 128, kvHeads: 8, dMlp: 13824, rotary: 128 },
  ],
  "Qwen2.5 0.5B, as transformers 5 writes it": [
    {
      model_type: "qwen2",
      dtype: "bfloat16",
      hidden_size: 896,
      intermediate_size: 4864,
      layer_types: Array(24).fill("full_attention"),
      num_attention_heads: 14,
      num_hidden_layers: 24,
      num_key_value_heads: 2,
      rope_parameters: { rope_theta: 1000000.0, rope_type: "default" },
      sliding_window: null,
      tie_word_embeddings: true,
    },
    { nLayers: 24, dModel: 896, headDim: 64, kvHeads: 2, dMlp: 4864, rotary: 64 },
  ],
};

/** What a configuration is refused with. */
function problemsOf(config: JsonObject): string[] {
  const problems: string[] = [];
  const architecture = findArchitecture(config, problems);
  if (architecture) interpret(config, null, architecture, problems);
  return problems;
}

test.each(Object.entries(PUBLISHED))("published: %s", (_, [config, { rotary, ...expected }]) => {
  expect(problemsOf(config)).toEqual([]);
  const architecture = findArchitecture(config, []) as Architecture;
  const reader = new ConfigReader(config, []);
  const sizes = readSizes(reader, architecture, []);
  expect(sizes).toMatchObject(expected);
  expect(readRotary(reader, architecture.block.rotary as RotaryTable, sizes.headDim, []).dims).toBe(rotary);
});

describe("refused, by key and value", () => {
  test.each<[string, Record<string, unknown>, string]>([
    [
      "gpt_neox",
      { hidden_act: "gelu_10" },
      'hidden_act is "gelu_10"; gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, relu, silu, swish is expected',
    ],
    ["gpt_neox", { rotary_pct: 0 }, "rotary_pct is 0; a number above 0, at most 1 is expected"],
    ["gpt_neox", { rotary_pct: 1.5 }, "rotary_pct is 1.5; a number above 0, at most 1 is expected"],
    ["gpt_neox", { rotary_emb_base: "1e4" }, 'rotary_emb_base is "1e4"; a number above 0 is expected'],
    ["gpt_neox", { use_parallel_residual: "yes" }, 'use_parallel_residual is "yes"; true or false is expected'],
    ["phi", { hidden_size: 2050 }, "hidden_size is 2050; a multiple of num_attention_heads, 32, is expected"],
    [
      "gpt_neox",
      { rope_scaling: { type: "linear", factor: 2 } },
      'rope_scaling.rope_type "linear" is not supported; only default or llama3 is',
    ],
    ["phi", { qk_layernorm: true }, "qk_layernorm true is not supported; only false is"],
    ["phi", { num_key_value_heads: 5 }, "num_attention_heads is 32; a multiple of num_key_value_heads, 5, is expected"],
    [
      "phi",
      { partial_rotary_factor: 0.01 },
      "0 of a head's 64 dimensions are rotary; an even number from 2 to 65536 is expected",
    ],
    [
      "llama",
      { rope_scaling: { rope_type: "yarn", factor: 4 } },
      'rope_scaling.rope_type "yarn" is not supported; only default or llama3 is',
    ],
    [
      "llama",
      { rope_scaling: { type: "dynamic", factor: 4 } },
      'rope_scaling.rope_type "dynamic" is not supported; only default or llama3 is',
    ],
    [
      "llama",
      { rope_parameters: { rope_type: "longrope" } },
      'rope_parameters.rope_type "longrope" is not supported; only default or llama3 is',
    ],
    [
      "llama",
      { rope_scaling: { ...LLAMA3, low_freq_factor: null } },
      "rope_scaling.low_freq_factor is null; a number above 0 is expected",
    ],
    [
      "llama",
      { rope_parameters: { full_attention: { rope_theta: 5 } } },
      "rope_parameters.full_attention an object with 1 field is not supported",
    ],
    ["llama", { partial_rotary_factor: 0.5 }, "partial_rotary_factor 0.5 is not supported; only 1 is"],
    [
      "llama",
      { hidden_act: "gelu_python" },
      'hidden_act is "gelu_python"; gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, relu, silu, swish is expected',
    ],
    ["llama", { attention_bias: 1 }, "attention_bias is 1; true or false is expected"],
    ["llama", { mlp_bias: [] }, "mlp_bias is []; true or false is expected"],
    ["llama", { head_dim: 7 }, "7 of a head's 7 dimensions are rotary; an even number from 2 to 65536 is expected"],
    ["llama", { quantization_config: { quant_method: "awq" } }, "quantization_config an object with 1 field is not supported"],
    ["qwen2", { use_sliding_window: true }, "use_sliding_window true is not supported; only false is"],
    [
      "qwen2",
      { layer_types: ["full_attention", "sliding_attention"] },
      'layer_types ["full_attention", "sliding_attention"] is not supported; only "full_attention" is',
    ],
    ["qwen2", { rms_norm_eps: 0 }, "rms_norm_eps is 0; a number above 0 is expected"],
  ])("%s %o", (model_type, fields, message) => {
    expect(problemsOf({ model_type, ...fields })).toEqual([`config.json: ${message}`]);
  });

  test.each(["mistral", "phi3", "qwen2_moe", "gpt_neox_japanese"])("%s, which computes something else", (model_type) => {
    const supported = "gpt2, gpt_neox, llama, phi, qwen2";
    expect(problemsOf({ model_type })).toEqual([`config.json: model_type is "${model_type}"; supported: ${supported}`]);
  });
});

describe("tensors", () => {
  test("those of another number of key-value heads: every one, by shape", () => {
    const folder = copyOf(join(CHECKPOINTS, "llama"));
    editJson(folder, "config.json", (config) => Object.assign(config, { num_key_value_heads: 4, num_hidden_layers: 1 }));
    const place = "model.safetensors: tensor";
    expect(refusalOf(() => openCheckpoint(folder))).toBe(
      `${place} "model.layers.0.self_attn.k_proj.weight" has shape [24, 64]; [48, 64] is expected; ` +
        `${place} "model.layers.0.self_attn.v_proj.weight" has shape [24, 64]; [48, 64] is expected`,
    );
  });

  test("a file of another family: everything is missing", () => {
    const folder = copyOf(join(CHECKPOINTS, "phi"));
    editJson(folder, "config.json", (config) =>
      Object.assign(config, { model_type: "llama", num_hidden_layers: 1, rope_parameters: null }),
    );
    expect(refusalOf(() => openCheckpoint(folder))).toBe(
      [
        ["model.layers.0.mlp.up_proj.weight", "[128, 64]"],
        ["model.layers.0.mlp.down_proj.weight", "[64, 128]"],
        ["model.layers.0.post_attention_layernorm.weight", "[64]"],
        ["model.layers.0.self_attn.o_proj.weight", "[64, 64]"],
        ["model.layers.0.mlp.gate_proj.weight", "[128, 64]"],
        ["model.norm.weight", "[64]"],
      ]
        .map(([name, shape]) => `model.safetensors: tensor "${name}" of shape ${shape} is missing`)
        .join("; "),
    );
  });

  test("biases that a configuration asks for", () => {
    const folder = emptyFolder();
    const config = { attention_bias: true, mlp_bias: true };
    writeRandom(folder, "llama", { nHeads: 2, config });
    const { attention, mlp } = openCheckpoint(folder).blocks[1] as BlockSpec;
    expect(attention).toMatchObject({ out: { bias: { shape: [24] } }, qkv: { k: { bias: { shape: [24] } } } });
    expect(mlp).toMatchObject({ gate: { bias: { shape: [11008] } }, down: { bias: { shape: [24] } } });
    editJson(folder, "config.json", (edited) => Object.assign(edited, { mlp_bias: false }));
    expect(openCheckpoint(folder).blocks[1]?.mlp).toMatchObject({
      gate: { bias: null },
      up: { bias: null },
      down: { bias: null },
    });
  });

  test("a tied unembed keeps its bias", () => {
    const folder = emptyFolder();
    writeRandom(folder, "phi", { nHeads: 2, config: { tie_word_embeddings: true } });
    expect(openCheckpoint(folder).unembed).toMatchObject({
      weight: { name: "model.embed_tokens.weight" },
      bias: { name: "lm_head.bias", shape: [320] },
    });
  });

  test("buffers of older files are not used, and neither is a prefix needed", () => {
    const folder = emptyFolder();
    const buffer = (name: string, shape: number[]): RandomTensor => ({ name, shape, mean: 1, deviation: 0 });
    const extra = [
      buffer("layers.0.attention.bias", [1, 1, 32, 32]),
      buffer("layers.0.attention.masked_bias", []),
      buffer("layers.0.attention.rotary_emb.inv_freq", [2]),
    ];
    writeRandom(folder, "gpt_neox", { nHeads: 1, base: "", dMlp: 40, extra });
    expect(openCheckpoint(folder).blocks[2]?.attnNorm.weight.name).toBe("layers.2.input_layernorm.weight");
  });
});
