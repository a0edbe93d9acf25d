import { describe, expect, it } from "vitest";
import { bits, measure, nats, percent, significant, withError } from "../../src/cli/render/numbers.ts";
import { problemLines } from "../../src/cli/render/problem.ts";
import { progressLine } from "../../src/cli/render/progress.ts";
import { sweepLines } from "../../src/cli/render/sweep-chart.ts";
import { bar, cut, cutMiddle, left, right, shownToken, textWidth, tokenText } from "../../src/cli/render/text.ts";
import { makeView } from "../../src/cli/render/view.ts";
import type { Comparison } from "../../src/schemas/events.ts";
import { LAST, metaEvent, resultEvent } from "./events.ts";

const plain = makeView(80, false);

describe("Cells", () => {
  it("Wide characters take two columns, combining marks none", () => {
    expect(textWidth("界")).toBe(2);
    expect(textWidth("e\u0301")).toBe(1);
    expect(textWidth("👩‍👩‍👧")).toBe(2);
  });

  it("Are exactly as wide as asked", () => {
    for (const text of ["", "abc", "abcdefghij", "界界界界", "a界b界"]) {
      expect(textWidth(left(text, 5))).toBe(5);
      expect(textWidth(right(text, 5))).toBe(5);
    }
    expect(cut("abcdef", 4)).toBe("abc…");
  });

  it("A token shows its spaces and control characters, so that none reaches the terminal", () => {
    expect(tokenText(" a\n\x1b[31m")).toBe("·a⏎\\x1b[31m");
    expect(["\u00a0", "\u2028", "\u202e", "\ufeff", "\u3000", "\u200d", "\u0301", " 👩\u200d👧"].map(tokenText)).toEqual([
      ...["\\xa0", "\\u2028", "\\u202e", "\\ufeff", "\\u3000", "\\u200d", "◌\u0301"],
      "·👩\u200d👧",
    ]);
    expect(shownToken({ id: 350, text: "", padding: true })).toBe("[350]");
    expect(shownToken({ id: 5, text: " a" })).toBe("·a");
  });

  it("A name is cut in its middle, so that both ends tell it", () => {
    expect(cutMiddle("smollm2-135m-instruct-q4", 15)).toBe("smollm2…ruct-q4");
    expect(cutMiddle("prose-6m", 8)).toBe("prose-6m");
    expect(textWidth(cutMiddle("界界界界界界", 6))).toBeLessThanOrEqual(6);
  });

  it("Ideographs beyond the first plane are wide too", () => {
    expect(textWidth("\u{20000}\u{1f600}")).toBe(4);
  });

  it("Bars end at eighths of a column", () => {
    expect(bar(0.5, 4)).toBe("██");
    expect(bar(1 / 32, 4)).toBe("▏");
    expect(bar(7, 2)).toBe("██");
    expect(bar(Number.NaN, 2)).toBe("");
  });
});

describe("Numbers", () => {
  it("What the wire has no number for is a dash", () => {
    expect([measure(null), percent(null), nats(null)]).toEqual(["–", "–", "–"]);
  });

  it("A value goes as far as its error does, to two digits", () => {
    expect(withError(0.33871, 0.08065)).toEqual(["0.339", "0.081"]);
    expect(withError(-0.00213, 0.00078)).toEqual(["−0.00213", "0.00078"]);
    expect(withError(243.8, 310.6)).toEqual(["244", "311"]);
    expect(withError(0.71, 0)).toEqual(["0.710", "0"]);
    expect(withError(1.1353e9, 7.5e9)).toEqual(["1.1e9", "7.5e9"]);
    expect(withError(1.5, 1e-9)).toEqual(["1.50", "1.0e-9"]);
    expect(withError(null, 0.1)).toEqual(["–", "0.100"]);
  });

  it("Keep their size readable in few columns", () => {
    expect([-1.5, -0.0001].map(measure)).toEqual(["−1.50", "−1e-4"]);
    expect(significant(-1 / 3)).toBe("−0.333");
    expect([0, 5.914, 123.456, 1234.5, 123456, 0.0001].map(measure)).toEqual(["0.00", "5.91", "123.5", "1235", "1e5", "1e-4"]);
    expect([0, 5.914, 15.63].map(bits)).toEqual(["0.00", "5.91", "15.6"]);
    expect([0, -1, -4, -12].map(percent)).toEqual(["100%", "37%", "1.8%", "<.1%"]);
    expect([0, 1.23456, 0.00001].map(nats)).toEqual(["0.000", "1.235", "1.0e-5"]);
  });
});

describe("Other lines", () => {
  it("Progress is one line of the width it has", () => {
    expect(progressLine(5, 10, plain)).toContain("5 of 10");
    expect(textWidth(progressLine(5, 10, makeView(60, false)))).toBeLessThanOrEqual(60);
  });

  it("A refusal gives its reason, and one line per invalid field", () => {
    const problem = {
      title: "Invalid request",
      status: 422,
      detail: "No.",
      errors: [{ pointer: "/model", detail: "is required" }],
    };
    expect(problemLines(problem, plain)).toEqual(["Invalid request (422): No.", "  /model: is required"]);
    const fields = [[/^\/settings\/([^/]+)(?:\/.*)?$/, "--set $1"]] as const;
    const errors = [{ pointer: "/settings/k", detail: "Ask for fewer tokens_per_text" }];
    const said = "Invalid request (422): --set k: Ask for fewer --tokens";
    for (const detail of ["Ask for fewer tokens_per_text", "/settings/k: Ask for fewer tokens_per_text."])
      expect(problemLines({ ...problem, detail, errors }, plain, fields)).toEqual([said]);
    const several = [...errors, { pointer: "/other", detail: "is required" }];
    const detail = "/settings/k: Ask for fewer tokens_per_text; /other: is required.";
    expect(problemLines({ ...problem, detail, errors: several }, plain, fields)).toEqual([
      "Invalid request (422):",
      "  --set k: Ask for fewer --tokens",
      "  /other: is required",
    ]);
  });

  it("A sweep's longest bar is the largest divergence, and every variant has one", () => {
    const of = (variant: string, kl: number, kept: boolean): Comparison => ({
      variant,
      position: LAST,
      kl_nats: kl,
      top1_agreement: kept,
      entropy_change_bits: 0,
      loss_change_nats: null,
    });
    const comparison = [of("delete.0", 4, false), of("delete.1", 1, true), of("swap.0", 2, true)];
    const lines = sweepLines(metaEvent({ baseline: [] }), { ...resultEvent, comparison }, plain);
    const blocks = lines.map((line) => line.replace(/[^█]/g, "").length).filter(Boolean);
    expect(blocks).toEqual([blocks[0], Math.floor((blocks[0] as number) / 4), Math.floor((blocks[0] as number) / 2)]);
    expect(lines.some((line) => line.includes("0 ↔ 1"))).toBe(true);
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(80);
  });
});
