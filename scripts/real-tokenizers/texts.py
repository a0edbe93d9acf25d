"""Writes the texts on which tokenizers are compared, `texts.json`: what people send, and what trips up a tokenizer.

    python3 scripts/real-tokenizers/texts.py test/fixtures/tokenizers/texts.json
"""

import json
import random
import sys

SPACES = ["\t", "\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u180e", "\u2000", "\u2003", "\u2007",
          "\u2009", "\u200a", "\u200b", "\u200c", "\u200d", "\u2028", "\u2029", "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff"]
CONTROLS = ["\x00", "\x01", "\x07", "\x08", "\x1b", "\x7f", "\x80", "\x9f", "\xad", "\u061c", "\u200e", "\u202e", "\ufff9", "\ufffd",
            "\ufffe", "\uffff", "\ue000", "\U0010ffff", "\U000e0041", "\U0001fffe"]
DIGITS = ["0123456789", "1", "12", "123", "1234", "12345", "1234567", "3.14159", "1,000,000.00", "0x1F", "1e-9", "٠١٢٣", "۴۵۶", "१२३", "१", "๑๒๓", "０１２",
          "② ③", "½ ¾ ⅔", "x²+y³", "Ⅳ Ⅻ", "一二三", "㊿", "𝟘𝟙𝟚", "𝟏", "🄁", "⑩", "๓", "፩", "𐄇", "② ٣ ½ १", "a1b2c3", "v1.2.3-rc4", "2024-01-31T12:00:00Z",
          "1½", "٣a", "10⁻⁹", "H₂O", "৪৫", "௧௨", "꘠꘡", "᠐᠑", "𑁦𑁧", "〇", "1 2 3 4 5 6 7", "  12  34", "-1", "+1 (555) 010-9999", "00:00:01", "①②③"]
EMOJI = ["😀", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇫🇷🇩🇪", "❤️", "☎︎ ☎️", "1️⃣", "🧑🏿‍🚀 go", "a😀b", "😀 😀", "🫠🫨🪿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "✂️✂", "🤷‍♀️", "👨‍💻code", "\u200d😀", "©®™", "♠♥", "🀄"]
MARKS = ["é", "e\u0301", "a\u0308\u0323", "\u0301", " \u0301", "n\u0303o", "Å Å A\u030a", "ﬁ ﬀ ﬆ", "ß SS ẞ", "İi ıI", "ΟΔΟΣ οδος", "Z\u0335\u0321\u0353a\u0322l\u0332g\u0358o", "क्षि", "क़ क\u093c",
         "각 \u1100\u1161\u11a8", "ö o\u0308 ö", "ǆ ǅ Ǆ", "ﷺ", "Ｆｕｌｌ ｗｉｄｔｈ", "ｶﾞ ガ カ\u3099", "x\u20d7", "\u0344", "\u1e9b\u0323", "\u2126 Ω", "\u212a K", "a\u0345", "\u0e33", "เก่", "\u0f73", "ᾳ", "ſ 'ſ I'ſ", "ä̈"]
SCRIPTS = ["The capital of France is", "Bonjour, ça va ?", "Straße über Öl", "Привет, мир!", "Γειά σου Κόσμε", "שלום עולם", "שָׁלוֹם", "مرحبا بالعالم", "السَّلَامُ", "فارسی می‌خواهم", "नमस्ते दुनिया", "বাংলা ভাষা",
           "தமிழ் மொழி", "తెలుగు", "ಕನ್ನಡ", "മലയാളം", "සිංහල", "ภาษาไทยไม่มีช่องว่าง", "ພາສາລາວ", "မြန်မာ", "ខ្មែរ", "བོད་ཡིག", "ქართული", "Հայերեն", "አማርኛ", "你好，世界", "漢字とひらがなとカタカナ", "東京タワー２０２４", "안녕하세요 세계",
           "𠀀𠮷野家", "㐀㐁", "𒀀𒁀", "𓀀𓁐", "ᚠᛇᚻ", "ꙮ", "𝕳𝖊𝖑𝖑𝖔", "𝒜𝒷", "ᏣᎳᎩ", "ⵜⴰⵎⴰⵣⵉⵖⵜ", "ߒߞߏ", "ꯃꯤꯇꯩ", "𞤀𞤣𞤤𞤢𞤥", "ᠮᠣᠩᠭᠣᠯ", "Việt Nam", "Türkçe ığüşöç", "Íslenska þæð", "עברית English עברית", "abc\u202edef\u202c", "中文English混合text", "日本語 と English",
           "ǅungla", "ʻokina", "Ǳ", "ªº", "ʰʲ", "々〆", "ꟸ", "ꭓ", "𐐀𐐨", "ⅷ", "ⓐ", "𞥐", "𑄶", "𞋀", "𑓐", "𖹀", "𐶄", "ᲀ", "Ᲊ", "ꟊ", "𝼀", "𫝀", "𮯰", "𲎰", "\u088f", "\u0cdc", "\u1c89"]
WORDS = ["don't", "DON'T", "I'll we're they've it's I'm he'd", "I'LL WE'RE", "rock 'n' roll", "'s", "'S", " 's", "''s", "’s", "it’s", "'re'", "x'tx", "O'Reilly's", "'ll'd", "can't've", "HelloWorld", "helloWorld", "HTTPServer", "iPhone12", "snake_case_name", "kebab-case",
         "supercalifragilisticexpialidocious", "ALLCAPS", "McDonald", "e.g., i.e.", "Mr. Smith", "U.S.A.", "...", "…", "--", "—", "!?!?", "?!", "(a)", "[b]", "{c}", "<d>", "\"q\"", "“q”", "«q»", "a/b\\c", "a|b", "a&b", "#tag @me", "$5 £6 €7 ¥8 ₿9", "100%", "50 %", "~`^", "±×÷≤≥≠", "∀x∈ℝ", "→⇒", "·•", "§¶†", "¿qué? ¡sí!", "a\u00b7b", "_", "__init__", "_ _", "a_b", "＿", "‿", "・", "、。", "\u2581", "a\u2581b", "\u2581\u2581", " \u2581", "\u0120", "a\u0120b", "\u010a", "##ing", "un##do", "</w>", "@@", "Ã©", "Â"]
CODE = ["def f(x):\n    return x ** 2\n", "if (a && b) {\n\tc++;\n}\n", "for i in range(10):\n        print(i)\n\n\n", "<div class=\"x\">&nbsp;</div>", "SELECT * FROM t WHERE a='b';", "{\"a\": [1, 2.5, null], \"b\": \"\\u00e9\\n\"}", "x = y ?? z?.w!", "a->b::c<T>()", "#include <stdio.h>\r\nint main(){}\r\n",
        "https://example.org/a?b=c&d=%20#e", "user@example.org", "C:\\Users\\x", "/usr/bin/env", "$HOME ${x}", "\\frac{a}{b}", "`x` ```py\n1\n```", "- [ ] todo\n  - [x] done", "| a | b |\n|---|---|", "// comment /* c */", "<!-- x -->", "\"\"\"doc\"\"\"", "f'{x!r}'", "0b1010 0o17 1_000", "λx.x", "a[::-1]", "<?php echo 1; ?>", "lambda: 0 # no", "\t\tindented", "   \n   \n", "a\\\nb", "\\n\\t", "^(?:a|b)+$", "x=1;y=2", "==!=<=>=", "@decorator\n", ";;", "}}}", "))))", "/**\n * x\n */", "\ndiff --git a/x b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n"]
SPECIALS = ["<s>", "</s>", "<unk>", "<pad>", "<bos>", "<eos>", "<|endoftext|>", "<|im_start|>user\nHi<|im_end|>\n", "<|begin_of_text|>x", "<|eot_id|>", "<start_of_turn>user\nHi<end_of_turn>", "[INST] Hi [/INST]", "<<SYS>>", "<｜begin▁of▁sentence｜>", "<｜User｜>Hi<｜Assistant｜>", "<|start|>user<|message|>Hi<|end|>",
            "<think>\n</think>", "<0x0A>", "<0xE9>", "<EOT>", "[CLS] [SEP] [MASK]", "<mask>", "<|endoftext", "endoftext|>", "<|ENDOFTEXT|>", "<|endoftext|><|endoftext|>", " <|endoftext|> ", "a<s>b", "<S>", "< s >", "<s", "<unused1>", "\n\n\n", "<table>", "<|fim_prefix|>", "<filename>", "<repo_name>x", "<|reserved_special_token_0|>", "<tool_call>", "<strong>"]
LONG = ["a" * 3000, " " * 3000, "\n" * 1000, "ab" * 700, "1" * 1000, "é" * 500, "東" * 500, "😀" * 200, "\u0301" * 300, "=" * 500, "-" * 257, "." * 129, "\t" * 100, "x " * 400, " x" * 400, "\u200b" * 100, "ha" * 301, "A" * 513, "the " * 300, "\r\n" * 200, "\U000e0041" * 60, "_" * 333, "٣" * 120, "م" * 200, "0" * 64]


def texts():
    yield from ["", " ", "  ", "   ", "a", "a ", " a", "  a", "a  ", "a  b", "a   b", " a b ", "\n", " \n", "\n ", "\n\n", " \n \n ", "a\nb", "a \n b", "a\n\nb", "a\r\nb", "a\rb", "\ta", "a\t\tb", "  \n  a"]
    for group in (DIGITS, EMOJI, MARKS, SCRIPTS, WORDS, CODE, SPECIALS, LONG):
        yield from group
    for space in SPACES:
        yield f"a{space}b"
        yield f"{space}x {space}{space}y{space}"
    for control in CONTROLS:
        yield f"a{control}b {control}"
    draw = random.Random(11)
    pool = [*SPACES, *CONTROLS, *DIGITS, *EMOJI, *MARKS, *SCRIPTS, *WORDS, *CODE[:30], *SPECIALS]
    for _ in range(40):
        yield draw.choice(["", " ", "\n"]).join(draw.choice(pool) for _ in range(draw.randint(2, 9)))


if __name__ == "__main__":
    every = list(dict.fromkeys(texts()))
    with open(sys.argv[1], "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(text) for text in every) + "\n]\n")
    print(f"{len(every)} texts")
