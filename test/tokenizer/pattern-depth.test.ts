import { expect, test } from "vitest";
import { translate } from "../../src/tokenizer/rules/pattern.ts";

const nested = (levels: number): string => `${"(".repeat(levels)}a${")".repeat(levels)}`;

test("groups nest as deep as is allowed, and no deeper", () => {
  expect("bab".match(translate(nested(200)))).toEqual(["a"]);
  expect(() => translate(nested(50_000))).toThrow("groups nest deeper than the 200 levels allowed");
});
