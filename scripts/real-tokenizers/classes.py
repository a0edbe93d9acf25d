"""Writes src/tokenizer/rules/unicode-data.ts: which characters the `tokenizers` package takes for what, by asking it about every one.

    ~/.cache/stratascope/python/bin/python scripts/real-tokenizers/classes.py > src/tokenizer/rules/unicode-data.ts
"""

import string

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

POINTS = [point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]
EVERY = "".join(map(chr, POINTS))
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn".split()
LETTERS = string.ascii_uppercase + "!$%"


def base36(number):
    digits = string.digits + string.ascii_lowercase
    return (base36(number // 36) if number >= 36 else "") + digits[number % 36]


def matched(pattern):
    """The characters that a pattern of one character matches."""
    rest = pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str(EVERY)
    unmatched = {point for _, (start, end) in rest for point in POINTS[start:end]}
    return [point for point in POINTS if point not in unmatched]


def parted(pre_tokenizer):
    """The characters that stand alone between letters."""
    return [point for point in POINTS if len(pre_tokenizer.pre_tokenize_str(f"a{chr(point)}a")) == 3]


def removed(normalizer):
    return [point for point in POINTS if normalizer.normalize_str(f"a{chr(point)}") == "a"]


def bert(**flags):
    return normalizers.BertNormalizer(**{"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False, **flags})


def ranges(points):
    """Alternately how many code points are left out and how many follow that are in it, in base 36."""
    parts, end = [], 0
    for point in points:
        if parts and point == end:
            parts[-1][1] += 1
        else:
            parts.append([point - end, 1])
        end = point + 1
    return " ".join(base36(number) for part in parts for number in part)


def runs():
    """How many code points in a row have a category, in base 36, 1 left out, and its letter."""
    kind = ["Cn"] * 0x110000
    kind[0xD800:0xE000] = ["Cn"] * 0x800
    for category in CATEGORIES:
        for point in matched(rf"\p{{{category}}}"):
            kind[point] = category
    text, start = "", 0
    for point in range(1, 0x110001):
        if point == 0x110000 or kind[point] != kind[start]:
            length = point - start
            text += ("" if length == 1 else base36(length)) + LETTERS[CATEGORIES.index(kind[start])]
            start = point
    return text


def constant(name, comment, text):
    print(f"\n/** {comment} */\nexport const {name} =\n  \"{text}\";")


print(f"/** Written by scripts/real-tokenizers/classes.py from the answers of tokenizers {tokenizers.__version__}. */")
print("\n/** General categories, and the letters that stand for them in `CATEGORY_RUNS`. */")
print("export const CATEGORY_LETTERS: Readonly<Record<string, string>> = {")
for category, letter in zip(CATEGORIES, LETTERS):
    print(f'  {category}: "{letter}",')
print("};")
constant("CATEGORY_RUNS", "Of regular expressions: how many code points in a row have a category, in base 36, 1 left out, and its letter.", runs())
RANGES = "in base 36, alternately how many code points are left out and how many follow"
constant("ALPHABETIC", f"`\\p{{Alphabetic}}` of regular expressions: {RANGES}.", ranges(matched(r"\p{Alphabetic}")))
constant("NUMERIC", "What `Digits` takes for one.", ranges(parted(pre_tokenizers.Digits(True))))
constant("PUNCTUATION", "What `Punctuation` and `BertPreTokenizer` take for it.", ranges(parted(pre_tokenizers.Punctuation())))
constant("WORD", "What goes on a word for `Whitespace` and beside added tokens.", ranges([p for p in POINTS if len(pre_tokenizers.Whitespace().pre_tokenize_str(f"a{chr(p)}a")) == 1]))
constant("COMBINING", "What `StripAccents` takes away.", ranges(removed(normalizers.StripAccents())))
constant("NONSPACING", "What `BertNormalizer` takes for accents.", ranges(removed(bert(strip_accents=True))))
constant("UNCLEAN", "What `BertNormalizer` cleans away.", ranges(removed(bert(clean_text=True))))
