/** Pictures as pixels. */
import { Problem } from "../../problem.ts";
import { FONT_FAMILY, FONT_FILES } from "./fonts.ts";

/** Pixels for one of the SVG; more than 4 makes tens of megabytes. */
export const MAX_PNG_SCALE = 4;

/**
 * A PNG of an SVG document that svgOf has made, drawn in a thread of its own with the fonts that are shipped, whatever the
 * machine has. `scale`: above 0, up to 4. Throws `invalid_request` with another one.
 */
export async function pngOf(svg: string, scale = 2): Promise<Uint8Array<ArrayBuffer>> {
  if (!(scale > 0 && scale <= MAX_PNG_SCALE))
    throw new Problem("invalid_request", `A picture can be drawn at a scale above 0 and up to ${MAX_PNG_SCALE}, not ${scale}.`);
  const { renderAsync } = await import("@resvg/resvg-js");
  const image = await renderAsync(svg, {
    background: "white",
    fitTo: { mode: "zoom", value: scale },
    font: { loadSystemFonts: false, fontFiles: [...FONT_FILES], defaultFontFamily: FONT_FAMILY, sansSerifFamily: FONT_FAMILY },
  });
  return new Uint8Array(image.asPng());
}
