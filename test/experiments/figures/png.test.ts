import { Resvg } from "@resvg/resvg-js";
import { describe, expect, it } from "vitest";
import { figurePng } from "../../../src/experiments/figures/draw.ts";
import { pngOf } from "../../../src/experiments/figures/png.ts";
import { FONT } from "../../../src/experiments/figures/theme.ts";
import { resultOf } from "./results.ts";

/** Width and height, from the header chunk. */
function sizeOf(png: Uint8Array): [number, number] {
  expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(png.buffer, png.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}

const textSvg = (text: string, weight: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40" font-family="${FONT}"><text x="10" y="28" font-size="20px" font-weight="${weight}" fill="#000">${text}</text></svg>`;

/** Of a PNG, as the drawing library reads it back: the sum of how dark its pixels are. */
function darkness(png: Uint8Array): number {
  const [width, height] = sizeOf(png);
  const href = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><image width="${width}" height="${height}" href="${href}"/></svg>`;
  const { pixels } = new Resvg(svg).render();
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 4) sum += (255 - (pixels[i] as number)) / 255;
  return sum;
}

describe("A picture as PNG", () => {
  it("Has so many pixels for each of the SVG's", async () => {
    for (const scale of [0.5, 1, 2, 4])
      expect(sizeOf(await pngOf(textSvg("a", "normal"), scale))).toEqual([200 * scale, 40 * scale]);
  });

  it("Has twice as many where nothing is said, and the same bytes again", async () => {
    const png = await figurePng(resultOf("logit-lens"));
    expect(sizeOf(png)[0] % 2).toBe(0);
    expect(sizeOf(png)[0]).toBeGreaterThan(1000);
    expect(Buffer.from(await figurePng(resultOf("logit-lens"))).equals(png)).toBe(true);
  });

  it("Has its letters, plain and bold, from the fonts that are shipped", async () => {
    const [none, plain, bold] = await Promise.all([
      pngOf(textSvg("", "normal")),
      pngOf(textSvg("KL(p‖q), H − 1.96 × “σ”", "normal")),
      pngOf(textSvg("KL(p‖q), H − 1.96 × “σ”", "bold")),
    ]);
    expect(darkness(none)).toBe(0);
    expect(darkness(plain)).toBeGreaterThan(500);
    expect(darkness(bold)).toBeGreaterThan(1.2 * darkness(plain));
  });

  it.each([0, -1, 4.5, Number.NaN, Number.POSITIVE_INFINITY])("Refuses the scale %s", async (scale) => {
    await expect(pngOf(textSvg("a", "normal"), scale)).rejects.toMatchObject({
      code: "invalid_request",
      message: `A picture can be drawn at a scale above 0 and up to 4, not ${scale}.`,
    });
  });
});
