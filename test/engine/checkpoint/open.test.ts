import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { describeCheckpoint, openCheckpoint } from "../../../src/engine/checkpoint/open.ts";
import { safetensors, type TensorData, writeRandomGpt2 } from "../../support/checkpoint.ts";
import { copyOf, editJson, emptyFolder, GPT2, GPT2_HUB, PROSE, refusalOf } from "./folders.ts";

const NO_TOKENIZER =
  "tokenizer.json is missing; write it in the model's folder with: " +
  `python3 -c "from transformers import AutoTokenizer as T; T.from_pretrained('.').save_pretrained('.')"`;

/** What opening refuses the random checkpoint with, after the change. */
function refusal(change: (folder: string) => void, options?: Parameters<typeof writeRandomGpt2>[1]): string {
  const folder = emptyFolder();
  writeRandomGpt2(folder, options);
  change(folder);
  return refusalOf(() => openCheckpoint(folder));
}

const withConfig = (fields: Record<string, unknown>) =>
  refusal((folder) => editJson(folder, "config.json", (config) => Object.assign(config, fields)));

/** Rewrites the one file of the weights. */
function editTensors(folder: string, edit: (tensors: Map<string, TensorData>) => void): void {
  const bytes = readFileSync(join(folder, "model.safetensors"));
  const start = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, start).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, TensorData>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name !== "__metadata__")
      tensors.set(name, { dtype, shape, bytes: bytes.subarray(start + data_offsets[0], start + data_offsets[1]) });
  }
  edit(tensors);
  writeFileSync(join(folder, "model.safetensors"), safetensors(tensors));
}

describe("checkpoints that open", () => {
  test("gpt2: names with prefix, float32", () => {
    const spec = openCheckpoint(GPT2);
    expect(spec).toMatchObject({
      family: "gpt2",
      nLayers: 5,
      dModel: 48,
      nHeads: 4,
      dMlp: 192,
      vocabSize: 320,
      tokenCount: 320,
      contextLength: 96,
      tokenEmbedding: { name: "transformer.wte.weight", type: "F32", shape: [320, 48] },
      positionEmbedding: { name: "transformer.wpe.weight", type: "F32", shape: [96, 48] },
      finalNorm: {
        kind: "layer",
        epsilon: 1e-5,
        weight: { name: "transformer.ln_f.weight" },
        bias: { name: "transformer.ln_f.bias" },
      },
      unembed: { weight: { name: "transformer.wte.weight" }, bias: null, layout: "out_in", inFeatures: 48, outFeatures: 320 },
      diskBytes: 645696,
      float32Bytes: 645696,
    });
    expect(spec.blocks).toHaveLength(5);
    expect(spec.blocks[2]).toMatchObject({
      parallel: false,
      attnNorm: { kind: "layer", weight: { name: "transformer.h.2.ln_1.weight", shape: [48] } },
      mlpNorm: { weight: { name: "transformer.h.2.ln_2.weight" } },
      attention: {
        qkv: {
          kind: "fused",
          order: "parts",
          linear: { layout: "in_out", inFeatures: 48, outFeatures: 144, bias: { shape: [144] } },
        },
        out: { weight: { name: "transformer.h.2.attn.c_proj.weight", shape: [48, 48] }, layout: "in_out" },
        heads: 4,
        kvHeads: 4,
        headDim: 12,
        scale: 1 / Math.sqrt(12),
        rotary: null,
      },
      mlp: {
        kind: "plain",
        activation: "gelu_tanh",
        up: { inFeatures: 48, outFeatures: 192 },
        down: { inFeatures: 192, outFeatures: 48 },
      },
    });
  });

  test("gpt2-hub: no prefix, float16, mask buffers ignored, n_inner, exact gelu, scores scaled by layer", () => {
    const spec = openCheckpoint(GPT2_HUB);
    expect(spec).toMatchObject({
      nLayers: 3,
      dModel: 32,
      nHeads: 2,
      dMlp: 80,
      contextLength: 64,
      diskBytes: 82208,
      float32Bytes: 164416,
    });
    expect(spec.tokenEmbedding).toMatchObject({ name: "wte.weight", type: "F16" });
    expect(spec.finalNorm.epsilon).toBe(1e-4);
    expect(spec.blocks.map(({ attention }) => attention.scale)).toEqual([1 / 4, 1 / 8, 1 / 12]);
    expect(spec.blocks.map(({ mlp }) => mlp.activation)).toEqual(["gelu", "gelu", "gelu"]);
  });

  test("prose-6m", () => {
    const spec = openCheckpoint(PROSE);
    expect(spec).toMatchObject({
      nLayers: 12,
      dModel: 192,
      nHeads: 6,
      dMlp: 768,
      vocabSize: 4096,
      tokenCount: 4096,
      contextLength: 256,
      diskBytes: 12348672,
    });
  });

  test.each([
    ["float32", {}],
    ["bfloat16 in shards", { type: "BF16", shards: 4 }],
    ["float16, as the hub names it, padded vocabulary", { type: "F16", hubNames: true, vocabSize: 333 }],
    ["an unembed of its own", { config: { tie_word_embeddings: false } }],
  ] as const)("a random one: %s", (_, options) => {
    const folder = emptyFolder();
    writeRandomGpt2(folder, options);
    const spec = openCheckpoint(folder);
    expect(spec.tokenCount).toBe(320);
    expect(spec.vocabSize).toBe("vocabSize" in options ? 333 : 320);
    expect(spec.unembed.weight.name).toBe("config" in options ? "lm_head.weight" : spec.tokenEmbedding.name);
    expect(new Set(spec.blocks.map(({ attnNorm }) => attnNorm.weight.file)).size).toBe("shards" in options ? 3 : 1);
  });

  test("a tied model's lm_head.weight is not used", () => {
    const folder = emptyFolder();
    writeRandomGpt2(folder, { extra: [{ name: "lm_head.weight", shape: [320, 24], mean: 0, deviation: 1 }] });
    expect(openCheckpoint(folder).unembed.weight.name).toBe("transformer.wte.weight");
  });

  test("absent keys have the defaults of transformers, and unused tensors are ignored", () => {
    const folder = copyOf(GPT2);
    editJson(folder, "config.json", (config) => {
      for (const key of ["n_inner", "activation_function", "layer_norm_epsilon", "scale_attn_weights", "tie_word_embeddings"])
        delete config[key];
    });
    editTensors(folder, (tensors) => tensors.set("score.weight", { dtype: "I8", shape: [3], bytes: new Uint8Array(3) }));
    const { blocks, unembed } = openCheckpoint(folder);
    expect(blocks[0]).toMatchObject({
      attnNorm: { epsilon: 1e-5 },
      mlp: { activation: "gelu_tanh" },
      attention: { scale: 1 / Math.sqrt(12) },
    });
    expect(unembed.weight.name).toBe("transformer.wte.weight");
  });

  test("sizes may be spelled as in other families", () => {
    const folder = copyOf(GPT2);
    const other = { n_layer: "num_hidden_layers", n_embd: "hidden_size", n_head: "num_attention_heads", n_positions: "n_ctx" };
    editJson(folder, "config.json", (config) => {
      for (const [key, spelling] of Object.entries(other)) {
        config[spelling] = config[key];
        delete config[key];
      }
    });
    expect(openCheckpoint(folder)).toMatchObject({ nLayers: 5, dModel: 48, nHeads: 4, contextLength: 96 });
  });

  test("scale_attn_weights false leaves the scores as they are", () => {
    const folder = emptyFolder();
    writeRandomGpt2(folder, { config: { scale_attn_weights: false } });
    expect(openCheckpoint(folder).blocks[1]?.attention.scale).toBe(1);
  });

  test("the hub's cache: files that are links into a folder of blobs", () => {
    const folder = emptyFolder();
    for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])
      symlinkSync(join(GPT2, name), join(folder, name));
    expect(openCheckpoint(folder)).toEqual(openCheckpoint(GPT2));
  });
});

describe("the revision", () => {
  test("is the same for the same files, wherever they are", () => {
    const { revision } = openCheckpoint(GPT2);
    expect(revision).toMatch(/^[0-9a-f]{40}$/);
    expect(openCheckpoint(copyOf(GPT2)).revision).toBe(revision);
  });

  test("changes with the configuration, the tokenizer, the chat template and the weights", () => {
    const changed = (name: string, edit: (bytes: Buffer) => void): string => {
      const folder = copyOf(GPT2);
      const bytes = readFileSync(join(folder, name));
      edit(bytes);
      writeFileSync(join(folder, name), bytes);
      return openCheckpoint(folder).revision;
    };
    const flip = (at: number) => (bytes: Buffer) => {
      const place = at < 0 ? bytes.length + at : at;
      bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
    };
    const revisions = [
      openCheckpoint(GPT2).revision,
      changed("config.json", (bytes) => bytes.write("{\t")),
      changed("tokenizer_config.json", (bytes) => bytes.write(" 97", bytes.lastIndexOf(" 96"))),
      changed("model.safetensors", flip(-1)),
      changed("model.safetensors", flip(8 + 6016)),
    ];
    const withTemplate = copyOf(GPT2);
    const templates = ["{{ messages }}", "{{ messages }} "].map((text) => {
      writeFileSync(join(withTemplate, "chat_template.jinja"), text);
      return openCheckpoint(withTemplate).revision;
    });
    revisions.push(...templates);
    expect(new Set(revisions).size).toBe(revisions.length);
  });
});

describe("folders that are not whole", () => {
  test("an empty one: everything that is missing", () => {
    expect(refusalOf(() => openCheckpoint(emptyFolder()))).toBe(
      `config.json is missing; ${NO_TOKENIZER}; model.safetensors is missing`,
    );
    expect(refusalOf(() => openCheckpoint(join(emptyFolder(), "../model")))).toBe(
      `config.json is missing; ${NO_TOKENIZER}; model.safetensors is missing`,
    );
  });

  test("no tokenizer", () => {
    expect(refusal((folder) => rmSync(join(folder, "tokenizer.json")))).toBe(NO_TOKENIZER);
  });

  test("pickled weights: how to convert them", () => {
    const remove = (folder: string) => {
      rmSync(join(folder, "model.safetensors"));
      writeFileSync(join(folder, "pytorch_model-00001-of-00002.bin"), "");
    };
    expect(refusal(remove)).toBe(
      "model.safetensors is missing; pytorch_model-00001-of-00002.bin holds pickled weights, which are not read; convert them in the model's folder with: " +
        `python3 -c "from transformers import AutoModelForCausalLM as M; M.from_pretrained('.').save_pretrained('.', safe_serialization=True)"`,
    );
  });

  test("a config.json that is a folder, or no JSON, or no object", () => {
    const replace = (text: string) => refusal((folder) => writeFileSync(join(folder, "config.json"), text));
    expect(replace("{")).toBe('config.json is not JSON; it begins with "{"');
    expect(replace("[]")).toBe("config.json is []; an object is expected");
    const folder = (path: string) => {
      rmSync(join(path, "config.json"));
      mkdirSync(join(path, "config.json"));
    };
    expect(refusal(folder)).toBe("config.json is not a file");
  });

  test("files longer than is read", () => {
    expect(refusal((folder) => writeFileSync(join(folder, "config.json"), " ".repeat(4_000_001)))).toBe(
      "config.json has 4000001 bytes; at most 4000000 are read",
    );
  });

  test("tokenizers without a vocabulary, or with one that is not the model's", () => {
    const replace = (value: unknown) => refusal((folder) => writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(value)));
    expect(replace([1])).toBe('tokenizer.json is not a JSON object; it begins with "[1]"');
    expect(replace({})).toBe("tokenizer.json: model.vocab is undefined; an object from tokens to ids is expected");
    expect(replace({ model: { vocab: {} } })).toBe("tokenizer.json has no tokens");
    expect(replace({ model: { vocab: { a: 0, b: "1" } } })).toBe(
      'tokenizer.json: token "b" has the id "1"; a whole number from 0 is expected',
    );
    expect(replace({ model: { vocab: { a: 0 } }, added_tokens: [{ id: 320, content: "<x>" }] })).toBe(
      "tokenizer.json: the highest token id is 320; the vocabulary of 320 ends at 319",
    );
    expect(replace({ model: { vocab: { a: 0 } }, added_tokens: 5 })).toBe(
      "tokenizer.json: added_tokens is 5; an array is expected",
    );
  });

  test("tokens are counted wherever the merges stand", () => {
    const replace = (text: string) => {
      const folder = emptyFolder();
      writeRandomGpt2(folder);
      writeFileSync(join(folder, "tokenizer.json"), text);
      return openCheckpoint(folder).tokenCount;
    };
    expect(replace('{"added_tokens":[{"id":7}],"model":{"vocab":{"a":5},"merges":[["a","]"]]}}')).toBe(8);
    expect(replace('{"model":{"vocab":{"a":5,"\\"merges\\": [":6},"merges" : ["a b"]},"added_tokens":[{"id":9}]}')).toBe(10);
    expect(replace('{"model":{"merges":[],"vocab":{"a":5}},"added_tokens":[]}')).toBe(6);
  });
});

describe("configurations that are refused", () => {
  test.each([
    [{ model_type: "bert" }, 'model_type is "bert"; supported: gpt2, gpt_neox, llama, phi, qwen2'],
    [{ model_type: undefined }, "model_type is undefined; supported: gpt2, gpt_neox, llama, phi, qwen2"],
    [{ model_type: "constructor" }, 'model_type is "constructor"; supported: gpt2, gpt_neox, llama, phi, qwen2'],
    [
      { activation_function: "quick_gelu" },
      'activation_function is "quick_gelu"; gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, relu, silu, swish is expected',
    ],
    [{ quantization_config: { bits: 4, quant_method: "gptq" } }, "quantization_config an object with 2 fields is not supported"],
    [{ add_cross_attention: true }, "add_cross_attention true is not supported; only false is"],
    [{ is_encoder_decoder: true }, "is_encoder_decoder true is not supported; only false is"],
    [{ pruned_heads: { 0: [1] } }, "pruned_heads an object with 1 field is not supported; only {} is"],
    [{ n_layer: 0 }, "n_layer is 0; a whole number from 1 to 1200 is expected"],
    [{ n_layer: 1e9 }, "n_layer is 1000000000; a whole number from 1 to 1200 is expected"],
    [{ n_embd: "24" }, 'n_embd is "24"; a whole number from 1 to 2147483647 is expected'],
    [{ n_head: 5 }, "n_embd is 24; a multiple of n_head, 5, is expected"],
    [{ layer_norm_epsilon: -1 }, "layer_norm_epsilon is -1; a number above 0 is expected"],
    [{ scale_attn_weights: "no" }, 'scale_attn_weights is "no"; true or false is expected'],
  ])("%o", (fields, message) => {
    expect(withConfig(fields)).toBe(`config.json: ${message}`);
  });

  test("every key that is wrong, at once", () => {
    expect(withConfig({ n_embd: 2.5, add_cross_attention: true, tie_word_embeddings: 1 })).toBe(
      "config.json: add_cross_attention true is not supported; only false is; config.json: n_embd is 2.5; a whole number from 1 to 2147483647 is expected; " +
        "config.json: tie_word_embeddings is 1; true or false is expected",
    );
  });
});

describe("tensors that are refused", () => {
  test("missing, of another shape, of another dtype: all of them", () => {
    const change = (folder: string) =>
      editTensors(folder, (tensors) => {
        tensors.delete("transformer.wte.weight");
        tensors.set("transformer.h.0.ln_1.weight", { dtype: "F32", shape: [1, 24], bytes: new Uint8Array(96) });
        tensors.set("transformer.h.1.ln_2.bias", { dtype: "F64", shape: [24], bytes: new Uint8Array(192) });
        tensors.set("transformer.ln_f.bias", { dtype: "I32", shape: [23], bytes: new Uint8Array(92) });
      });
    expect(refusal(change)).toBe(
      'model.safetensors: tensor "transformer.wte.weight" of shape [320, 24] is missing; ' +
        'model.safetensors: tensor "transformer.h.0.ln_1.weight" has shape [1, 24]; [24] is expected; ' +
        'model.safetensors: tensor "transformer.h.1.ln_2.bias" has dtype F64; F32, F16 or BF16 is expected; ' +
        'model.safetensors: tensor "transformer.ln_f.bias" has dtype I32; F32, F16 or BF16 is expected; ' +
        'model.safetensors: tensor "transformer.ln_f.bias" has shape [23]; [24] is expected',
    );
  });

  test("an unembed of its own that is not there", () => {
    const untie = (folder: string) =>
      editJson(folder, "config.json", (config) => Object.assign(config, { tie_word_embeddings: false }));
    expect(refusal(untie)).toBe('model.safetensors: tensor "lm_head.weight" of shape [320, 24] is missing');
  });

  test("no tensor at all: the first hundred, and how many more", () => {
    const text = refusal((folder) => editTensors(folder, (tensors) => tensors.clear()), { nLayers: 9 });
    expect(text).toContain('model.safetensors: tensor "transformer.wte.weight" of shape [320, 24] is missing');
    expect(text).toMatch(/; and 12 more$/);
  });
});

describe("shards", () => {
  const index = "model.safetensors.index.json";
  const second = "model-00002-of-00003.safetensors";

  test("a shard that is missing is the only thing reported", () => {
    expect(refusal((folder) => rmSync(join(folder, second)), { shards: 3 })).toBe(`${second} is missing`);
  });

  test("a tensor that its shard does not hold", () => {
    const move = (folder: string) =>
      editJson(folder, index, (value) => {
        (value.weight_map as Record<string, string>)["transformer.wte.weight"] = second;
      });
    expect(refusal(move, { shards: 3 })).toBe(`${second}: tensor "transformer.wte.weight" is missing; ${index} places it there`);
  });

  test.each(["../model.safetensors", "/etc/passwd.safetensors", "a\\b.safetensors", "..", "", 7, null, "pytorch_model.bin"])(
    "the name %o",
    (name) => {
      const rename = (folder: string) =>
        editJson(folder, index, (value) => {
          (value.weight_map as Record<string, unknown>)["transformer.wte.weight"] = name;
        });
      expect(refusal(rename, { shards: 3 })).toBe(
        `${index} names the shard ${JSON.stringify(name)}; the name of a .safetensors file in the same folder is expected`,
      );
    },
  );

  test("an index without a map", () => {
    expect(refusal((folder) => writeFileSync(join(folder, index), '{"weight_map": []}'), { shards: 3 })).toBe(
      `${index} has the weight_map []; an object is expected`,
    );
    expect(refusal((folder) => writeFileSync(join(folder, index), "?"), { shards: 3 })).toBe(
      `${index} is not JSON; it begins with "?"`,
    );
  });
});

describe("a summary", () => {
  test("tells family, sizes and bytes", () => {
    expect(describeCheckpoint(GPT2_HUB)).toEqual({
      family: "gpt2",
      sizes: { nLayers: 3, dModel: 32, nHeads: 2, kvHeads: 2, headDim: 16, dMlp: 80, vocabSize: 320, contextLength: 64 },
      diskBytes: 135076,
      problems: [],
    });
  });

  test("adds up shards, and misses those that are not there", () => {
    const folder = emptyFolder();
    writeRandomGpt2(folder, { shards: 3 });
    const { diskBytes } = describeCheckpoint(folder);
    expect(diskBytes).toBeGreaterThan(openCheckpoint(folder).diskBytes);
    rmSync(join(folder, "model-00002-of-00003.safetensors"));
    expect(describeCheckpoint(folder).problems).toEqual(["model-00002-of-00003.safetensors is missing"]);
  });

  test("has problems where others throw", () => {
    expect(describeCheckpoint(emptyFolder())).toEqual({
      family: null,
      sizes: null,
      diskBytes: 0,
      problems: ["config.json is missing", NO_TOKENIZER, "model.safetensors is missing"],
    });
    const folder = copyOf(GPT2);
    editJson(folder, "config.json", (config) => Object.assign(config, { n_head: 0, add_cross_attention: true }));
    expect(describeCheckpoint(folder)).toMatchObject({ family: "gpt2", sizes: null });
  });
});
