"""What transformers computes of a Llama folder in float64, taken with forward hooks and stored as float32.

reference.safetensors, for each prompt k of reference.json, of T tokens and with no BOS before them; L blocks:
  k.tokens [1, T]; k.resid_pre [L, 1, T, d], what each block reads; k.resid_final [1, T, d], what the final norm reads;
  k.attn_norm, k.mlp_norm [L, T], Euclidean norms of what the components add; and at the last position, [1, V],
  k.logits, k.delete.l without block l, k.swap.l with blocks l and l + 1 exchanged.
"""
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from checkpoint import write_json
from model import load

PROMPTS = [
    "The capital of France is",
    "When Mary and John went to the store, John gave a drink to",
    "def fibonacci(n):\n    if n <",
    "1 2 3 4 5 6 7",
    "Élodie 🙂 wrote to the",
]
DELETED = [0, 15, 29]
SWAPPED = [0, 15, 28]


class Recorder:
    """Runs the blocks of a model in any order, and keeps what passes between them."""

    def __init__(self, model):
        self.model = model
        self.blocks = list(model.model.layers)
        self.seen: dict[str, list[np.ndarray]] = {}
        for block in self.blocks:
            block.register_forward_pre_hook(lambda _, given, named: self.keep("resid_pre", first(given or [named["hidden_states"]])), with_kwargs=True)
            block.self_attn.register_forward_hook(lambda _, given, out: self.keep("attn_out", first(out)))
            block.mlp.register_forward_hook(lambda _, given, out: self.keep("mlp_out", out))
        model.model.norm.register_forward_pre_hook(lambda _, given: self.keep("resid_final", first(given)))

    def keep(self, name: str, value: torch.Tensor) -> None:
        self.seen.setdefault(name, []).append(value.detach().numpy().copy())

    def run(self, tokens: torch.Tensor, order: list[int]) -> dict[str, list[np.ndarray]]:
        """logits [1, T, V]; resid_pre, attn_out, mlp_out [1, T, d] of each step; resid_final [1, T, d]."""
        self.seen = {}
        stack, config = self.model.model, self.model.config
        stack.layers, config.num_hidden_layers = torch.nn.ModuleList(self.blocks[i] for i in order), len(order)
        try:
            with torch.no_grad():
                self.keep("logits", self.model(input_ids=tokens, use_cache=False).logits)
        finally:
            stack.layers, config.num_hidden_layers = torch.nn.ModuleList(self.blocks), len(self.blocks)
        return self.seen


def first(value):
    return value[0] if isinstance(value, (tuple, list)) else value


def write(folder: pathlib.Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = load(folder, torch.float64)
    recorder = Recorder(model)
    order = list(range(len(recorder.blocks)))
    values: dict[str, np.ndarray] = {}
    for k, prompt in enumerate(PROMPTS):
        tokens = torch.tensor([tokenizer.encode(prompt).ids])
        seen = recorder.run(tokens, order)
        values[f"{k}.tokens"] = tokens.numpy()
        values[f"{k}.resid_pre"] = np.stack(seen["resid_pre"])
        values[f"{k}.resid_final"] = seen["resid_final"][0]
        for component in ("attn", "mlp"):
            values[f"{k}.{component}_norm"] = np.stack([np.linalg.norm(added[0], axis=-1) for added in seen[f"{component}_out"]])
        values[f"{k}.logits"] = seen["logits"][0][:, -1]
        for i in DELETED:
            values[f"{k}.delete.{i}"] = recorder.run(tokens, order[:i] + order[i + 1 :])["logits"][0][:, -1]
        for i in SWAPPED:
            values[f"{k}.swap.{i}"] = recorder.run(tokens, [*order[:i], i + 1, i, *order[i + 2 :]])["logits"][0][:, -1]
    stored = {name: value.astype(np.float32) if value.dtype == np.float64 else value for name, value in values.items()}
    save_file({name: np.ascontiguousarray(value) for name, value in stored.items()}, folder / "reference.safetensors")
    write_json(folder / "reference.json", {"prompts": PROMPTS, "delete": DELETED, "swap": SWAPPED})
