/** A result's figure as a picture. */
import type { ExperimentResult } from "../result.ts";
import { pngOf } from "./png.ts";
import { figureOf } from "./registry.ts";
import { svgOf } from "./svg.ts";

/** An SVG document. Throws `not_found` where the kind has no figure. */
export async function figureSvg(result: ExperimentResult): Promise<string> {
  return svgOf(figureOf(result));
}

/** The same as a PNG, `scale` pixels for each of the SVG's. */
export async function figurePng(result: ExperimentResult, scale?: number): Promise<Uint8Array<ArrayBuffer>> {
  return pngOf(await figureSvg(result), scale);
}
