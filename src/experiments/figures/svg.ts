/** Specifications as pictures, without a browser or a canvas. Vega is loaded when the first one is drawn. */
import type { Loader } from "vega";
import { compactSvg } from "./compact-svg.ts";
import { readAdvances } from "./fonts.ts";
import type { VegaLiteSpec } from "./spec.ts";

/** What Vega asks for the width of a text, in pixels. Its types leave it out. */
interface TextMetrics {
  width(item: { readonly fontSize?: number; readonly fontWeight?: unknown }, text: unknown): number;
}

type Renderer = (spec: VegaLiteSpec) => Promise<string>;

let renderer: Promise<Renderer> | undefined;

/**
 * An SVG document: the same specification gives the same bytes, on every machine and runtime. Texts are measured with the
 * font that is shipped. Loads nothing from anywhere: throws where a specification asks for it.
 */
export async function svgOf(spec: VegaLiteSpec): Promise<string> {
  renderer ??= loadRenderer().catch((error: unknown) => {
    renderer = undefined; // the next one tries again
    throw error;
  });
  return (await renderer)(spec);
}

async function loadRenderer(): Promise<Renderer> {
  const [vega, { compile }, { plain, bold }] = await Promise.all([import("vega"), import("vega-lite"), readAdvances()]);
  const metrics = (vega as unknown as { readonly textMetrics: TextMetrics }).textMetrics;
  metrics.width = (item, text) => {
    const advances = item.fontWeight === "bold" || Number(item.fontWeight) >= 600 ? bold : plain;
    const ems = Array.from(String(text ?? ""), (letter) => advances(letter.codePointAt(0) as number));
    return ems.reduce((sum, em) => sum + em, 0) * (item.fontSize ?? 11);
  };
  return async (spec) => {
    const { loader, refused } = closedLoader(vega.loader());
    const view = new vega.View(vega.parse(compile(spec).spec), { renderer: "none", loader, logLevel: vega.None });
    try {
      const svg = await view.toSVG();
      if (refused.length > 0) throw new Error(`a figure loads nothing: ${refused.join(", ")}`);
      return compactSvg(svg, spec.description ?? "");
    } finally {
      view.finalize();
    }
  };
}

/** Loads nothing. What was asked for is kept: Vega itself only logs a failure, and draws without. */
function closedLoader(loader: Loader): { readonly loader: Loader; readonly refused: readonly string[] } {
  const refused: string[] = [];
  loader.sanitize = async (uri) => {
    refused.push(String(uri));
    throw new Error(`not loaded: ${String(uri)}`);
  };
  return { loader, refused };
}
