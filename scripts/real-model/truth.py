"""What a model's numbers are in float64, and how far transformers' own float32 is from them: truth.py FOLDER.

truth.safetensors, for each prompt k of truth.json, of T tokens and with no BOS before them; L blocks, V tokens. Weights and
arithmetic of transformers in float64, norms, rotary angles and softmax too, which transformers itself takes in float32:
  k.tokens [T]; k.top_ids [T, 100], the likeliest tokens, and their k.top_logprobs, natural; k.entropy_bits [T];
  k.lens_entropy_bits and k.lens_kl_final_nats [L + 1, T], the standard logit lens, row 0 the embedding;
  k.delete.l.kl_nats, .top1 (1 where the likeliest token stays), .entropy_change_bits [T], without block l;
  k.head.l.h.kl_nats [T], with head h of block l silenced. Divergences are KL(baseline ‖ variant).
k.float32.… are the same of float32 logits of transformers, with everything after the logits in float64.
"""
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from checkpoint import write_json
from model import load
from references import Recorder

PROMPTS = [
    "The capital of France is",
    "When Mary and John went to the store, John gave a drink to",
    "def fibonacci(n):\n    if n <",
    "1 2 3 4 5 6 7",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was the "
    "epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of Darkness, it was the "
    "spring of hope, it was the winter of despair, we had everything before us, we had nothing before us, we were all going "
    "direct to Heaven, we were all going direct the other way",
]
DELETED = [0, 15, 16, 29]
SILENCED = [(1, 0), (15, 0)]
LISTED = 100


class Model:
    """Logits of a model in one type, under interventions; and after every block, through the final norm and the unembed."""

    def __init__(self, folder: pathlib.Path, dtype: torch.dtype):
        self.model = load(folder, dtype)
        self.recorder = Recorder(self.model)
        self.layers = len(self.recorder.blocks)

    def logits(self, tokens: list[int], order: list[int] | None = None) -> np.ndarray:
        """[T, V]"""
        seen = self.recorder.run(torch.tensor([tokens]), list(range(self.layers)) if order is None else order)
        return seen["logits"][0][0]

    def lens(self, tokens: list[int]) -> list[np.ndarray]:
        """L + 1 times [T, V]: of the embedding, and after every block."""
        seen = self.recorder.run(torch.tensor([tokens]), list(range(self.layers)))
        streams = [*seen["resid_pre"], seen["resid_final"][0]]
        with torch.no_grad():
            return [self.model.lm_head(self.model.model.norm(torch.from_numpy(stream)))[0].numpy() for stream in streams]

    def without_head(self, tokens: list[int], block: int, head: int) -> np.ndarray:
        """[T, V]"""
        width = self.model.config.hidden_size // self.model.config.num_attention_heads

        def silence(_, given):
            z = given[0].clone()
            z[..., head * width : (head + 1) * width] = 0
            return (z, *given[1:])

        hook = self.recorder.blocks[block].self_attn.o_proj.register_forward_pre_hook(silence)
        try:
            return self.logits(tokens)
        finally:
            hook.remove()


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def entropy_bits(logprobs: np.ndarray) -> np.ndarray:
    return -(np.exp(logprobs) * logprobs).sum(-1) / np.log(2)


def kl_nats(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return (np.exp(p) * (p - q)).sum(-1)


def measure(model: Model, tokens: list[int], top_ids: np.ndarray | None) -> dict[str, np.ndarray]:
    """`top_ids` [T, LISTED]: which log-probabilities are listed; None: the likeliest here."""
    base = log_softmax(model.logits(tokens))
    listed = np.argsort(-base, -1, kind="stable")[:, :LISTED] if top_ids is None else top_ids
    values = {"top_ids": listed, "top_logprobs": np.take_along_axis(base, listed, -1), "entropy_bits": entropy_bits(base)}
    lens = [log_softmax(logits) for logits in model.lens(tokens)]
    values["lens_entropy_bits"] = np.stack([entropy_bits(each) for each in lens])
    values["lens_kl_final_nats"] = np.stack([kl_nats(base, each) for each in lens])
    for block in DELETED:
        variant = log_softmax(model.logits(tokens, [i for i in range(model.layers) if i != block]))
        values[f"delete.{block}.kl_nats"] = kl_nats(base, variant)
        values[f"delete.{block}.top1"] = (base.argmax(-1) == variant.argmax(-1)).astype(np.int64)
        values[f"delete.{block}.entropy_change_bits"] = entropy_bits(variant) - values["entropy_bits"]
    for block, head in SILENCED:
        values[f"head.{block}.{head}.kl_nats"] = kl_nats(base, log_softmax(model.without_head(tokens, block, head)))
    return values


def write(folder: pathlib.Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    prompts = [tokenizer.encode(prompt, add_special_tokens=False).ids for prompt in PROMPTS]
    exact = Model(folder, torch.float64)
    truth = [measure(exact, tokens, None) for tokens in prompts]
    del exact
    single = Model(folder, torch.float32)
    values: dict[str, np.ndarray] = {}
    for k, (tokens, true) in enumerate(zip(prompts, truth)):
        near = measure(single, tokens, true["top_ids"])
        values[f"{k}.tokens"] = np.array(tokens)
        values |= {f"{k}.{name}": value for name, value in true.items()}
        values |= {f"{k}.float32.{name}": value for name, value in near.items() if name != "top_ids"}
    save_file({name: np.ascontiguousarray(value) for name, value in values.items()}, folder / "truth.safetensors")
    write_json(folder / "truth.json", {"prompts": PROMPTS, "delete": DELETED, "head": SILENCED})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(pathlib.Path(sys.argv[1]))
