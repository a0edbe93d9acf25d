/** Specifications as pictures, without a browser or a canvas. Vega is loaded when the first one is drawn. */
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
 * font that is shipped. Loads nothing from anywhere: a specification with a `url` is refused by the loader.
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
  const loader = vega.loader();
  loader.sanitize = async (uri) => {
    throw new Error(`a figure loads nothing: ${String(uri)}`);
  };
  return async (spec) => {
    const view = new vega.View(vega.parse(compile(spec).spec), { renderer: "none", loader, logLevel: vega.Error });
    try {
      const { description } = spec;
      return compactSvg(await view.toSVG(), description ?? "");
    } finally {
      view.finalize();
    }
  };
}
