"""A Llama of transformers, in float32 as it is used, or in float64 throughout."""
import pathlib

import torch
import transformers
from transformers.models.llama.modeling_llama import LlamaRMSNorm, LlamaRotaryEmbedding


def load(folder: pathlib.Path, dtype: torch.dtype) -> torch.nn.Module:
    # Eager attention casts its softmax to float32.
    attention = "eager" if dtype == torch.float32 else "sdpa"
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention).eval()
    if dtype == torch.float64:
        for module in model.modules():
            exact(module)
    return model


def exact(module: torch.nn.Module) -> None:
    """Keeps in float64 what a module of a Llama casts to float32."""
    if isinstance(module, LlamaRMSNorm):
        module.forward = lambda x: module.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + module.variance_epsilon)
    elif isinstance(module, LlamaRotaryEmbedding):
        config = module.config
        width = config.hidden_size // config.num_attention_heads
        theta = config.rope_parameters["rope_theta"]
        frequencies = theta ** -(torch.arange(0, width, 2, dtype=torch.float64) / width)

        def angles(x, position_ids):
            half = position_ids[..., None].double() * frequencies
            both = torch.cat((half, half), -1)
            return both.cos(), both.sin()

        module.forward = angles
