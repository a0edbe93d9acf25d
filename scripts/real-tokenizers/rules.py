"""Writes the fixtures of single rules, with the ids that the `tokenizers` package gives, into a folder:

    rules.json       [{name, definition, cases: [{text, ids}]}]: tokenizer.json files of one rule each, as small as they can be
    characters.json  {patterns: {pattern: hash}, forms: {form: {context: hash}}, lower}: SHA-256 of what is left of all code points without those that
                     a pattern matches, and of what becomes of them, one a line with what stands around it, by a normalizer

    ~/.cache/stratascope/python/bin/python scripts/real-tokenizers/rules.py test/fixtures/tokenizers
"""

import hashlib
import json
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

TEXTS = ["", " ", "a", " a", "a  b", "  a b  ", "\ta\n\nb\r\n", "Don't stop, it's 12:30!", "I'LL 'ſ x's", "HelloWorld foo_bar", "② ٣ ½ १ 12a3", "Ⅳ 一二 x²", "café cafe\u0301 É", "ΟΔΟΣ Σ İI ß", "東京 is 漢字", "\u00a0a\u3000b\u200bc\ufeff",
         "a\x00b\x07c\x7f\x85d", "😀👍🏽a 👩‍👩", "ﬁ Å ① ｱ", "שָׁלוֹם مَرحبا", "a-b--c ---", "▁a▁▁b", "x<s>y", "<s> a</s>", "a <m> b", "[X]y[X] [X]", "xtokx tok tok.", "\u2028a\u2029", "½⅔", "क्षि ๑๒", "a\u0323\u0307b\u0301", "\ufffd\ue000\u0378", "١٢٣ 456", "…—!?", "\U00010940\U00011de1 \U00016eb0", "ABCdefGHI", "abA\u030a \u200bab T\u0301 e\u0301\u0323x", "\u200ba b"]

ADDED = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def definition(normalizer=None, pre_tokenizer=None, model=None, added=()):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added), "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
            "post_processor": None, "decoder": None, "model": model or {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}


def with_words(made, texts):
    """All words that come up are in the vocabulary, so that the ids tell where a text was cut and what became of it."""
    tokenizer = Tokenizer.from_str(json.dumps(made))
    words = set()
    for text in [*texts, *(part for text in texts for part in text.replace("<s>", "\n~").replace("[X]", "\n~").replace("tok", "\n~").replace("</s>", "\n~").replace("<m>", "\n~").split("\n~"))]:
        plain = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
        cut = tokenizer.pre_tokenizer.pre_tokenize_str(plain) if tokenizer.pre_tokenizer else [(plain, None)]
        words |= {word for word, _ in cut if word}
    vocabulary = {word: i for i, word in enumerate(["[UNK]", *sorted(words)])}
    for added in made["added_tokens"]:
        vocabulary.setdefault(added["content"], len(vocabulary))
    made["model"]["vocab"] = vocabulary
    made["added_tokens"] = [{**added, "id": vocabulary[added["content"]]} for added in made["added_tokens"]]
    return made


def added(content, **flags):
    return {"id": 0, "content": content, **ADDED, **flags}


def split(regex, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
META = {"type": "Metaspace", "replacement": "▁"}
BERT = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}

# What SentencePiece makes of: A→a ﬁ→fi ①→1 É→é e◌́→é ab→x U+3000→space U+200B→nothing ½→1/2 東→东 A◌̊→å 😀→:) U+0323→nothing T→t.
CHARSMAP = {"type": "Precompiled", "precompiled_charsmap": "AAQAAAAAAQBBDQAADAAAgIodAAAVAACAEQAAgGIFAAATAACAzAACAIENAAAYAACAvR0AAAUAAICJHQAAowUAAAAAAICLfQAAoA0AAAMAAICAGAIAVEUAAIANAAABAACAnfgCALEFAAAbAACADgAAgKwYAgCBGQAAn2wCAJgEAgCA9QAAgOwCAGEUAQAJAACAIgAAACUAAABlhAMAJwAAACYAAAApAAAAKAAAACsAAAAqAAAALQAAACwAAAAvAAAALgAAADEAAACRAAIAMwAAADIAAAA1AAAANAAAADcAAAA2AAAAOQAAADgAAAA7AAAAOgAAAD0AAAA8AAAAPwAAAD4AAABBAAAAQAAAAEMAAABCAAAARQAAAEQAAABHAAAARgAAAEkAAABIAAAASwAAAEoAAABNAAAATAAAAE8AAABOAAAAUQAAAFAAAABTAAAAUgAAAFUAAABUAAAAVwAAAFYAAABZAAAAWAAAAFsAAABaAAAAXQAAAFwAAABfAAAAXgAAAGEAAABgAAAAYwAAAGIAAABlAAAAZAAAAGcAAABmAAAAaQAAAGgAAABrAAAAagAAAG0AAABsAAAAbwAAAG4AAABxAAAAcAAAAHMAAAByAAAAdQAAAHQAAAB3AAAAdgAAAHkAAAB4AAAAewAAAHoAAAB9AAAAfAAAAH8AAAB+AAAAgQAAAIAAAADC0AAAwxwAAIUAAACEAAAAhwAAAIYAAACJAAAAiAAAAIsAAACKAAAAzIQAAIwAAACPAAAAjgAAAJEAAACQAAAAkwAAAJIAAACVAAAAlAAAAJcAAACWAAAAmQAAAJgAAACbAAAAmgAAAJ0AAACcAAAAnwAAAJ4AAAChAAAAoAAAAOIIAADjwAAApQAAAKQAAADmsAAApgAAAKkAAACoAAAAqwAAAKoAAACtAAAArAAAAK8AAADvYAAA8MgAALAAAACzAAAAsgAAALUAAAC0AAAAtwAAALYAAAC5AAAAuAAAALsAAAC6AAAAvQAAALwAAAC/AAAAvgAAAMEAAADAAAAAwwAAAMIAAADFAAAAxAAAAMcAAADGAAAAyQAAAMgAAADLAAAAygAAAM0AAADMAAAAzBwBAM4AAADRAAAA0AAAANMAAADSAAAA1QAAANQAAADXAAAA1gAAANkAAADYAAAA2wAAANoAAADdAAAA3AAAAN8AAADeAAAA4QAAAOAAAADjAAAA4gAAAOUAAADkAAAA5wAAAOYAAADpAAAA6AAAAOsAAADqAAAA7QAAAOwAAADvAAAA7gAAAPEAAADwAAAA8wAAAPIAAAD1AAAA9AAAAPcAAAD2AAAA+QAAAPgAAAD7AAAA+gAAAP0AAAD8AAAA/wAAAP4AAAAAIAAxADEvMgA6KQBhAGZpAHQAeADDpQDDqQDkuJwA"}

NORMALIZERS = [
    *({"type": form} for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel")),
    *({"type": "Strip", "strip_left": left, "strip_right": right} for left, right in ((True, True), (True, False), (False, True))),
    {"type": "Prepend", "prepend": "▁"},
    {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
    {"type": "Replace", "pattern": {"Regex": "\\p{N}"}, "content": "$&0"},
    BERT,
    {**BERT, "lowercase": False},
    {**BERT, "lowercase": False, "strip_accents": True},
    {**BERT, "strip_accents": False, "clean_text": False, "handle_chinese_chars": False},
    CHARSMAP,
    {"type": "Sequence", "normalizers": [CHARSMAP, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
    {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]},
]

BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]

PRE_TOKENIZERS = [
    BYTES,
    {**BYTES, "add_prefix_space": True},
    {**BYTES, "use_regex": False},
    *({"type": "Digits", "individual_digits": flag} for flag in (True, False)),
    {"type": "Whitespace"},
    {"type": "WhitespaceSplit"},
    {"type": "BertPreTokenizer"},
    {"type": "CharDelimiterSplit", "delimiter": " "},
    {"type": "FixedLength", "length": 3},
    *({"type": "Punctuation", "behavior": behavior} for behavior in BEHAVIORS),
    *({"type": "Split", "pattern": {"String": " "}, "behavior": behavior, "invert": False} for behavior in BEHAVIORS),
    *(split("\\s+|\\p{N}", behavior, invert) for behavior in BEHAVIORS for invert in (False, True)),
    *({**META, "prepend_scheme": scheme, "split": cut} for scheme in ("always", "first", "never") for cut in (True, False)),
    {**META, "add_prefix_space": True},
    {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {**META, "prepend_scheme": "always", "split": True}]},
    {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, BYTES]},
    {"type": "Sequence", "pretokenizers": [split("\\p{N}{1,3}"), split("[一-龥]+"), {**BYTES, "use_regex": False}]},
]

PATTERNS = [
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s+",
    " ?[^(\\s|[.,!?…。，、।۔،])]+",
    *["\\w+", "[\\w']+", "\\W", "[^\\W]+", "\\d+", "\\D+", "\\S+", "\\h+", "\\bD", "\\Bo", "^a", "b$", ".+", "\\Aa", "o\\z", "[a-c&&[^b]]+", "[\\p{L}&&[^a-z]]+", "a{2}+b?", "\\p{N}{1,2}+", "l{,1}o", "a*?b", "(?>\\s+)b",
      "(?<=o)r", "(?<!o)l", "(?=W)", "(?!a)", "x*", "\\p{^L}", "\\P{L}+", "\\p{Letter}+", "\\p{lu}", "\\p{White_Space}+", "\\x41|\\x{6f22}|\\u6771", "[\\-\\]a-c]+", "(o|l)+", "(?i:h[a-e]+)", "(?i:k|s)", "\\t|\\n", "[\\u3040-\\u30ff一-龥]+", "\\p{Cn}|\\p{Co}", "\\p{M}+"],
]

LETTERS = {"[UNK]": 0, **{char: i + 1 for i, char in enumerate("abcdehilnorstuw ▁")}}
MERGES = ["h e", "l l", "he ll", "hell o", "▁ w", "o r", "▁w or", "a a", "aa aa", "a b"]
SUBWORDS = {**LETTERS, **{merge.replace(" ", ""): len(LETTERS) + i for i, merge in enumerate(MERGES)}}
FALLBACKS = {f"<0x{byte:02X}>": len(SUBWORDS) + byte for byte in range(256)}
MODEL_TEXTS = ["hello▁world", "aaaaaaa", "aaaab", "xhexlxlo", "hexxllo", "zzz", "héllo", "hello 東 z", "ab" * 9, "a<0x0A>b", "lllll", "", "東京z東a", "worldwor", "unhappily", "abcdeabcde", "[UNK]", "▁▁wor"]


def bpe(**options):
    return {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "ignore_merges": False, "vocab": SUBWORDS, "merges": MERGES, **options}


PREFIXED = {"u": 0, "##n": 1, "un": 2, "##h": 3, "##a": 4, "##ha": 5, "##p": 6, "h": 7, "a": 8, "##b": 9, "ab": 10, "[UNK]": 11}
SUFFIXED = {"a": 0, "b": 1, "b</w>": 2, "ab</w>": 3, "a</w>": 4, "ab": 5, "[UNK]": 6}
PIECES = [["<unk>", 0.0], ["a", -2.0], ["b", -2.5], ["ab", -3.0], ["abc", -3.1], ["c", -4.0], ["▁", -1.5], ["hello", -5.0], ["he", -2.2], ["ll", -2.6], ["o", -2.4], ["l", -3.3], ["h", -3.9], ["e", -2.9], ["aa", -4.0], ["aaa", -6.0], ["東", -7.0]]

MODELS = {
    "BPE": bpe(),
    "BPE, merges as pairs": bpe(merges=[merge.split(" ") for merge in MERGES]),
    "BPE, unknown": bpe(unk_token="[UNK]"),
    "BPE, unknown fused": bpe(unk_token="[UNK]", fuse_unk=True),
    "BPE, bytes": bpe(unk_token="[UNK]", fuse_unk=True, byte_fallback=True, vocab={**SUBWORDS, **FALLBACKS}),
    "BPE, some bytes": bpe(unk_token="[UNK]", fuse_unk=True, byte_fallback=True, vocab={**SUBWORDS, "<0x7A>": len(SUBWORDS), "<0xC3>": len(SUBWORDS) + 1, "<0xA9>": len(SUBWORDS) + 2}),
    "BPE, whole words": bpe(ignore_merges=True, vocab={**SUBWORDS, "aaaaaaa": 90, "worldwor": 91}),
    "BPE, prefix": bpe(continuing_subword_prefix="##", unk_token="[UNK]", vocab=PREFIXED, merges=["u ##n", "##h ##a", "a ##b"]),
    "BPE, suffix": bpe(end_of_word_suffix="</w>", unk_token="[UNK]", vocab=SUFFIXED, merges=["a b</w>", "a b"]),
    "BPE, a merge twice": bpe(merges=[*MERGES, "h e"]),
    "WordPiece": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 8,
                  "vocab": {"[UNK]": 0, "un": 1, "##hap": 2, "##pi": 3, "##ly": 4, "hello": 5, "h": 6, "##é": 7, "##llo": 8, "a": 9, "##a": 10, "##aa": 11, "東": 12, "ab": 13, "##ab": 14}},
    "WordLevel": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "zzz": 1, "lllll": 2}},
    "Unigram": {"type": "Unigram", "unk_id": 0, "vocab": PIECES, "byte_fallback": False},
    "Unigram, bytes": {"type": "Unigram", "unk_id": 0, "vocab": [*PIECES, *([name, 0.0] for name in FALLBACKS)], "byte_fallback": True},
}

ADDED_CASES = {
    "added: plain": (None, [added("<s>"), added("[X]"), added("tok")]),
    "added: longest": (None, [added("<s"), added("<s>"), added("s>y"), added("<s> a")]),
    "added: lstrip": (None, [added("<m>", lstrip=True), added("[X]", lstrip=True), added("b", lstrip=True)]),
    "added: rstrip": (None, [added("<m>", rstrip=True), added("[X]", rstrip=True), added(" b")]),
    "added: both": (None, [added("a", lstrip=True, rstrip=True)]),
    "added: single word": (None, [added("tok", single_word=True), added("b", single_word=True)]),
    "added: normalized": ({"type": "Lowercase"}, [added("TOK", normalized=True), added("ABC", normalized=True), added("foo_BAR")]),
    "added: normalized, prepended": ({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}, [added("a", normalized=True), added("<s>")]),
    "added: order of both kinds": (None, [added("x<s>y", normalized=True), added("<s>")]),
}


def rules():
    for made in NORMALIZERS:
        yield f"normalizer: {json.dumps(made, ensure_ascii=False)}", definition(normalizer=made), TEXTS
    for made in PRE_TOKENIZERS:
        yield f"pre-tokenizer: {json.dumps(made, ensure_ascii=False)}", definition(pre_tokenizer=made, added=[added("<s>")]), TEXTS
    for pattern in PATTERNS:
        yield f"pattern: {pattern}", definition(pre_tokenizer=split(pattern, "MergedWithNext")), TEXTS
    for name, (normalizer, tokens) in ADDED_CASES.items():
        yield name, definition(normalizer=normalizer, pre_tokenizer={**META, "prepend_scheme": "first", "split": False}, added=tokens), TEXTS
    strips = {"type": "Strip", "strip_left": True, "strip_right": False}
    yield "first after what was cut off", definition(normalizer=strips, pre_tokenizer={**META, "prepend_scheme": "first", "split": False}), TEXTS
    yield "first after a table of replacements", definition(normalizer=CHARSMAP, pre_tokenizer={**META, "prepend_scheme": "first", "split": False}), TEXTS
    yield "first after marks", definition(normalizer={"type": "StripAccents"}, pre_tokenizer={**META, "prepend_scheme": "first", "split": True}), [*TEXTS, "\u0301a"]
    for name, model in MODELS.items():
        yield name, definition(model=model), MODEL_TEXTS


def written(name, made, texts):
    if made["model"]["type"] == "WordLevel" and len(made["model"]["vocab"]) == 1:
        made = with_words(json.loads(json.dumps(made)), texts)
    tokenizer = Tokenizer.from_str(json.dumps(made))
    return {"name": name, "definition": made, "cases": [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids} for text in texts]}


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


def characters():
    every = "".join(chr(point) for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF)
    left = lambda pattern: "".join(part for part, _ in pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str(every))
    names = "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co Cn".split()
    lines = {context: "\n".join(context.replace("X", char) for char in every) for context in ("X", "aX\u0323", "a\u0345X", "X\u0307")}
    return {
        "patterns": {pattern: hashed(left(pattern)) for pattern in [*(f"\\p{{{name}}}" for name in names), "\\w", "[\\w]", "\\W", "\\s", "\\S", "\\d", ".", "\\p{Alphabetic}"]},
        "forms": {form: {context: hashed(getattr(normalizers, form)().normalize_str(text)) for context, text in lines.items()} for form in ("NFC", "NFD", "NFKC", "NFKD")},
        "lower": hashed(normalizers.Lowercase().normalize_str(lines["X"])),
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    made = [json.dumps(written(*rule), ensure_ascii=True, separators=(",", ":")) for rule in rules()]
    (folder / "rules.json").write_text("[\n" + ",\n".join(made) + "\n]\n")
    (folder / "characters.json").write_text(json.dumps(characters(), indent=1) + "\n")
    print(f"{len(made)} rules")
