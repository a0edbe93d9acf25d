import { describe, expect, it } from "vitest";
import { experimentLine } from "../../src/cli/render/experiment-line.ts";
import { textWidth } from "../../src/cli/render/text.ts";
import { makeView } from "../../src/cli/render/view.ts";

const VIEW = makeView(80, false);

describe("experimentLine", () => {
  it("a bar, how many, how fast and how long", () => {
    const half = { done: 32, total: 64, rate_per_second: 2.345, eta_seconds: 13.6 };
    expect(experimentLine(half, VIEW)).toBe(` ${"█".repeat(14)}${" ".repeat(14)} 32 of 64  2.3 a second  14 s left`);
    expect(experimentLine({ done: 64, total: 64, rate_per_second: null, eta_seconds: null }, VIEW)).toBe(
      ` ${"█".repeat(28)} 64 of 64`,
    );
  });

  it("with a label a shorter one, so that eighty columns hold it", () => {
    const long = { done: 12345, total: 99999, rate_per_second: 0.12345, eta_seconds: 709_123 };
    const line = experimentLine(long, VIEW, "logit-lens-frozen-norm");
    expect(line).toBe(`   logit-lens-frozen-norm   █▊${" ".repeat(12)} 12345 of 99999  0.12 a second  196 h 59 min left`);
    expect(textWidth(line)).toBeLessThan(100);
    expect(
      textWidth(experimentLine({ ...long, done: 12, total: 64, eta_seconds: 3000 }, VIEW, "layer-interventions")),
    ).toBeLessThan(80);
  });
});
