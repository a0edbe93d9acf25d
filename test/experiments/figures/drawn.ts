/** What a specification draws, found again by panel and mark. */
import type { VegaLiteSpec } from "../../../src/experiments/figures/spec.ts";

export type Datum = Readonly<Record<string, unknown>>;

/** The parts of a plot that tests look at. */
export interface Plot {
  readonly title: string;
  readonly layers: readonly {
    readonly mark: Datum & { readonly type: string };
    readonly values: readonly Datum[];
    readonly encoding: Datum;
  }[];
}

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null;

/** Every plot, from the top left. */
export function plotsOf(spec: VegaLiteSpec): Plot[] {
  return plots(spec as unknown as Node);
}

function plots(node: Node): Plot[] {
  const parts = node.vconcat ?? node.hconcat;
  if (Array.isArray(parts)) return parts.filter(isNode).flatMap(plots);
  const { title, layer } = node as unknown as {
    title: string | { text: string };
    layer: { data: { values: Datum[] }; mark: Plot["layers"][number]["mark"]; encoding: Datum }[];
  };
  return [
    {
      title: typeof title === "string" ? title : title.text,
      layers: layer.map(({ data, mark, encoding }) => ({ mark, values: data.values, encoding })),
    },
  ];
}

/** The plot whose title has these words. */
export function plotOf(spec: VegaLiteSpec, words: string): Plot {
  const found = plotsOf(spec).filter(({ title }) => title.includes(words));
  if (found.length !== 1)
    throw new Error(`${found.length} plots whose title has ${words}: ${plotsOf(spec).map(({ title }) => title)}`);
  return found[0] as Plot;
}

/** What the marks of a type stand for, all layers of it together. */
export function valuesOf(plot: Plot, type: string): Datum[] {
  return plot.layers.filter(({ mark }) => mark.type === type).flatMap(({ values }) => values);
}

/** The ends of an axis or of the colours. */
export function domainOf(plot: Plot, channel: "x" | "y" | "color"): unknown[] {
  const found = plot.layers.map(({ encoding }) => encoding[channel] as { scale?: { domain?: unknown[] } } | undefined);
  const domain = found.find((each) => each?.scale?.domain)?.scale?.domain;
  if (!domain) throw new Error(`no domain for ${channel}`);
  return domain;
}

/** The lines below the title, as one. */
export function notesOf(spec: VegaLiteSpec): string {
  return (spec.title as { subtitle: string[] }).subtitle.join(" ");
}
