"""Writes `chats.json` into folders with a chat template: what transformers' apply_chat_template makes of chats.

    python3 scripts/real-tokenizers/chats.py FOLDER…

    transformers   the package's version
    chats          [{messages, add_generation_prompt, template_arguments, text, ids, own, error}]: the text, its ids, and what tokenizer.json
                   alone makes of the text (transformers builds some tokenizers anew); or the error, and none of them
"""

import json
import os
import sys
from pathlib import Path

import tokenizers
import transformers

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city, in °C.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": 'Its "name".'}, "days": {"type": "integer", "enum": [1, 2, 7]}},
            "required": ["city"],
        },
    },
}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


CALL = {"type": "function", "id": "abc123def", "function": {"name": "get_weather", "arguments": {"city": "東京", "days": 2}}}
SYSTEM = {"role": "system", "content": "Be brief."}
ASKED = [user("Is it warm in Tōkyō?"), assistant("", tool_calls=[CALL]), {"role": "tool", "name": "get_weather", "content": '{"t": 21.5}'}]

MESSAGES = [
    [user("The capital of France?")],
    [SYSTEM, user("Hi")],
    [user("One"), assistant("Two"), user("Three")],
    [SYSTEM, user("  \n spaces\u00a0 \t"), assistant(" kept? \n\n"), user("\ufeffbom\x1c")],
    [user("It's \"quoted\" & <b>bold</b> \\ {{ not a template }} {% nor this %}")],
    [user("東京 🙂 é e\u0301 \u2028 \u0085")],
    [user("<s>[INST] <|im_end|> <start_of_turn> <|eot_id|> </s>")],
    [user("Sum?"), assistant("<think>\n  1 + 1 \n</think>\n\n  2  "), user("Sure?")],
    [user("Sum?"), assistant("2", reasoning_content="\n 1 + 1\n "), user("Sure?"), assistant("Yes", reasoning_content="Hm.\n")],
    [user("")],
    [user("a" * 3000)],
    ASKED,
    [SYSTEM, *ASKED, assistant("Warm."), user("Thanks")],
    [user([{"type": "text", "text": "parts "}, {"type": "text", "text": "of it's text"}])],
    [assistant("first")],
    [user("One"), user("Two")],
    [user("One"), SYSTEM],
    [{"role": "narrator", "content": "Once"}],
    [{"role": "user", "content": None}],
    [{"role": "user"}],
    [user("n"), *[message for i in range(40) for message in (assistant(f"a{i}"), user(f"u{i} "))]],
]
ARGUMENTS = [{}, {"tools": [TOOL]}, {"enable_thinking": False}, {"enable_thinking": True, "tools": [TOOL, TOOL]}]


def rendered(tokenizer, plain, messages, prompt, arguments):
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt, **arguments)
        ids = tokenizer.apply_chat_template(messages, tokenize=True, add_generation_prompt=prompt, return_dict=True, **arguments)["input_ids"]
        return {"text": text, "ids": list(ids), "own": plain.encode(text, add_special_tokens=False).ids, "error": None}
    except Exception as error:  # noqa: BLE001 - what a template refuses is part of what it does
        return {"text": None, "ids": None, "own": None, "error": str(error)}


def chats(folder):
    os.environ["HF_HUB_OFFLINE"] = "1"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    if tokenizer.chat_template is None:
        return None
    plain = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    return [
        {"messages": messages, "add_generation_prompt": prompt, "template_arguments": arguments}
        | rendered(tokenizer, plain, messages, prompt, arguments)
        for messages in MESSAGES
        for prompt in (True, False)
        for arguments in ARGUMENTS
    ]


if __name__ == "__main__":
    for folder in map(Path, sys.argv[1:]):
        made = chats(folder)
        if made is None:
            print(f"{folder.name}: no chat template", file=sys.stderr)
            continue
        unfinished = folder / ".chats.json"
        unfinished.write_text(json.dumps({"transformers": transformers.__version__, "chats": made}))
        unfinished.rename(folder / "chats.json")
        print(f"{folder.name}: {len(made)} chats", file=sys.stderr)
