/** What a tokenizer.json of a stranger may cost: its patterns are refused where they could take for ever, what it writes is bounded. */
import { describe, expect, test } from "vitest";
import { normalizerOf } from "../../src/tokenizer/rules/normalizers.ts";
import { translate } from "../../src/tokenizer/rules/pattern.ts";

describe("A pattern", () => {
  test.each([
    ["(a+)+b", '"+" at 4 repeats a group that repeats, or has alternatives'],
    ["(?:a|a)*b", '"*" at 7 repeats a group that repeats, or has alternatives'],
    ["((a*)b?){2,}", '"{2,}" at 8 repeats a group that repeats, or has alternatives'],
  ])("%s, which may match in more ways than can be tried, is refused", (pattern, message) => {
    expect(() => translate(pattern)).toThrow(message);
  });

  test.each([
    " ?\\p{L}+|\\s+(?!\\S)|\\s+",
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+",
    "(?:ab)+c",
    "(?:a+|b)?c",
    "(?>a+)+b",
    "(?:a+)++b",
  ])("%s, which does not, is none", (pattern) => {
    expect(translate(pattern).flags).toBe("gv");
  });
});

describe("A normalizer that writes more than it reads", () => {
  const ten = { type: "Replace", pattern: { String: "a" }, content: "a".repeat(10) };

  test("is refused at a bound, before it writes", () => {
    const twelve = normalizerOf({ type: "Sequence", normalizers: Array.from({ length: 12 }, () => ten) });
    expect(() => twelve?.normalize("aaaaaa")).toThrow(
      "the model's normalizer would make 6000000 characters of this text; at most 4194304 are allowed",
    );
    const prefix = normalizerOf({ type: "Prepend", prepend: "x".repeat(2 ** 22) });
    expect(() => prefix?.normalize("a")).toThrow("would make 4194305 characters");
  });

  test("writes what is within it", () => {
    expect(normalizerOf(ten)?.normalize("ba")).toBe(`b${"a".repeat(10)}`);
    const long = "b".repeat(2 ** 20);
    expect(normalizerOf(ten)?.normalize(`${long}a`)).toBe(`${long}${"a".repeat(10)}`);
  });
});
