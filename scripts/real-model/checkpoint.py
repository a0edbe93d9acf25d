"""A Llama in a GGUF file as a Hugging Face folder: config.json, model.safetensors, tokenizer.json."""
import json
import pathlib

import gguf
import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

# What is called what: GGUF's name, transformers' name.
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}
IN_BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
SPECIAL = 3  # GGUF's kind of token that text never becomes


def write(source: str, folder: pathlib.Path) -> None:
    """Every tensor of the file in half precision; one without a name above is an error, and so is one that is missing."""
    reader = gguf.GGUFReader(source)

    def field(name: str):
        return reader.fields[name].contents()

    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": field("llama.vocab_size"),
        "hidden_size": field("llama.embedding_length"),
        "intermediate_size": field("llama.feed_forward_length"),
        "num_hidden_layers": field("llama.block_count"),
        "num_attention_heads": field("llama.attention.head_count"),
        "num_key_value_heads": field("llama.attention.head_count_kv"),
        "hidden_act": "silu",
        "max_position_embeddings": field("llama.context_length"),
        "rms_norm_eps": 1e-5,
        "rope_theta": field("llama.rope.freq_base"),
        "rope_scaling": None,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": field("tokenizer.ggml.bos_token_id"),
        "eos_token_id": field("tokenizer.ggml.eos_token_id"),
        "torch_dtype": "float16",
    }
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    names = {f"{ours}.weight": f"{theirs}.weight" for ours, theirs in OUTSIDE.items()}
    for block in range(config["num_hidden_layers"]):
        names |= {f"blk.{block}.{ours}.weight": f"model.layers.{block}.{theirs}.weight" for ours, theirs in IN_BLOCK.items()}
    tensors = {}
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        part = tensor.name.split(".")[-2]
        if part in heads:
            values = halves(values, heads[part])
        tensors[names.pop(tensor.name)] = values.astype(np.float16)
    if names:
        raise ValueError(f"{source} lacks {sorted(names)}")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", config)
    write_tokenizer(field, folder)


def halves(values: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head from rotary pairs side by side (GGUF) to all firsts, then all seconds (transformers). [H · d_head, d]"""
    rows, width = values.shape
    return values.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


def write_tokenizer(field, folder: pathlib.Path) -> None:
    tokens, kinds = field("tokenizer.ggml.tokens"), field("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in field("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=merges))
    digits, spelling = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, spelling])
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds) if kind == SPECIAL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.save(str(folder / "tokenizer.json"))
    unknown, first, last = tokens[:3]
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": unknown, "bos_token": first, "eos_token": last}
    settings |= {"add_prefix_space": False, "model_max_length": field("llama.context_length")}
    settings |= {"chat_template": field("tokenizer.chat_template")}
    write_json(folder / "tokenizer_config.json", settings)


def write_json(path: pathlib.Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1))
