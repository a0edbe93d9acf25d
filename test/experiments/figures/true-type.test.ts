import { readFile } from "node:fs/promises";
import { Resvg } from "@resvg/resvg-js";
import { beforeAll, describe, expect, it } from "vitest";
import { FONT_FAMILY, FONT_FILES } from "../../../src/experiments/figures/fonts.ts";
import { type Advances, advancesOf } from "../../../src/experiments/figures/true-type.ts";

let advances: Advances;
beforeAll(async () => {
  advances = advancesOf(await readFile(FONT_FILES[0] as string));
});

const widthOf = (text: string) =>
  Array.from(text, (letter) => advances(letter.codePointAt(0) as number)).reduce((a, b) => a + b, 0);

/** Pixels from the left edge of the first letter's ink to the right one of the last, at 100 px an em. */
function drawnWidth(text: string): number {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="4000" height="200"><text x="100" y="120" font-size="100px" font-family="${FONT_FAMILY}" font-kerning="none">${text}</text></svg>`;
  const font = { loadSystemFonts: false, fontFiles: [...FONT_FILES], defaultFontFamily: FONT_FAMILY };
  return new Resvg(svg, { font }).innerBBox()?.width ?? 0;
}

describe("Widths of a font's letters", () => {
  // What stands at both ends is the same, so its empty margins are too: the rest is as wide as it is drawn.
  it.each(["iiiiiiii", "MMMM", "0123456789", "KL(p‖q) (nats)", "− × “ ” … · ₂ σ π", "ÄÖÜßéñ", "Привет", "Layers"])(
    "“%s” is as wide as it is drawn",
    (text) => {
      expect(Math.abs(drawnWidth(`H${text}H`) - drawnWidth("HH") - 100 * widthOf(text))).toBeLessThan(2); // drawn boxes are whole pixels
    },
  );

  it("What the font lacks is as wide as its sign for that", () => {
    expect(advances(0x10ffff)).toBe(advances(0xe000));
    expect(advances(0x10ffff)).toBeGreaterThan(0.3);
  });

  it("Bytes that are no font are refused", () => {
    expect(() => advancesOf(new Uint8Array(64))).toThrow("the font has no table head");
  });
});
