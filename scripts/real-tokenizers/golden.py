"""Writes `golden.json` into folders with a tokenizer.json: the ids that the `tokenizers` package gives.

    python3 scripts/real-tokenizers/golden.py texts.json FOLDER…

    tokenizers   the package's version
    ids          for each of texts.json's texts, its ids without special tokens
    own          [{text, ids}]: texts with the tokenizer's own added tokens in them, without special tokens
    special      [{text, ids, transformers}]: what a text gets with special tokens (add_special_tokens=True), by tokenizer.json alone, and by
                 transformers' AutoTokenizer, which reads tokenizer_config.json too; null where transformers is missing or cannot open it
"""

import json
import os
import random
import sys
from pathlib import Path

import tokenizers

SPECIAL = ["The capital of France is", "", " a", "<s>a", "東京", "a\nb"]


def own_texts(definition):
    """Texts around the added tokens: those with rules of their own, and some of the others."""
    added = [token["content"] for token in definition["added_tokens"]]
    odd = [t["content"] for t in definition["added_tokens"] if t["lstrip"] or t["rstrip"] or t["single_word"] or t["normalized"]]
    draw = random.Random(11)
    for token in dict.fromkeys([*added[:4], *added[-4:], *draw.sample(odd, min(8, len(odd))), *draw.sample(added, min(8, len(added)))]):
        for text in ("{}", "a{}b", " {} ", "x  {}\n\ny", "{0}{0}", "<{}>", "1{}2", "é{}é"):
            yield text.format(token)
        yield token[:-1]
        yield token.upper()


def by_transformers(folder):
    try:
        os.environ["HF_HUB_OFFLINE"] = "1"
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # noqa: BLE001 - it refuses some of these folders, which is said in what is written
        print(f"{folder.name}: transformers cannot open it: {str(error)[:200]}", file=sys.stderr)
        return None


def golden(texts, folder):
    definition = json.loads((folder / "tokenizer.json").read_text())
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    plain = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    auto = by_transformers(folder)
    return {
        "tokenizers": tokenizers.__version__,
        "ids": [plain(text) for text in texts],
        "own": [{"text": text, "ids": plain(text)} for text in own_texts(definition)],
        "special": [
            {"text": text, "ids": tokenizer.encode(text).ids, "transformers": auto and list(auto(text)["input_ids"])} for text in SPECIAL
        ],
    }


if __name__ == "__main__":
    texts = json.loads(Path(sys.argv[1]).read_text())
    for folder in map(Path, sys.argv[2:]):
        unfinished = folder / ".golden.json"
        unfinished.write_text(json.dumps(golden(texts, folder)))
        unfinished.rename(folder / "golden.json")
        print(folder.name, file=sys.stderr)
