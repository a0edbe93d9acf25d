/** A figure as a Vega-Lite specification that carries its own data: the server draws it, a page can too. */
import type { TopLevelSpec } from "vega-lite";
import { Problem } from "../../problem.ts";
import type { ExperimentResult } from "../result.ts";
import { CONFIG } from "./theme.ts";

export type VegaLiteSpec = TopLevelSpec;
type Stacked = Extract<VegaLiteSpec, { vconcat: unknown }>;
/** One plot of a figure, or several in a row. */
export type Panel = Stacked["vconcat"][number];
export type Layer = Extract<Panel, { layer: unknown }>["layer"][number];

export interface Composition {
  readonly title: string;
  /** Lines below the title, smaller: what was measured on what, how to read the marks. */
  readonly notes: readonly string[];
  /** null: there were no rows for it. */
  readonly panels: readonly (Panel | null)[];
  /** Names in the sentence that says that nothing can be drawn. */
  readonly subject: string;
  /** All panels have the same names and colours, and one legend. */
  readonly oneLegend?: boolean;
}

/** Panels below each other under a title. Throws `not_found` where there is none. */
export function compose({ title, notes, panels, subject, oneLegend = false }: Composition): VegaLiteSpec {
  const drawn = panels.filter((panel) => panel !== null);
  if (drawn.length === 0) throw new Problem("not_found", `${subject} has none of the rows that its figure draws.`);
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    description: [title, ...notes].join(". "),
    background: "white",
    padding: 12,
    title: { text: title, subtitle: notes.flatMap(wrapped), fontSize: 14, frame: "bounds", offset: 14, subtitlePadding: 5 },
    config: CONFIG,
    resolve: { scale: { color: oneLegend ? "shared" : "independent" } },
    vconcat: drawn,
  };
}

/** Panels side by side; null where all are. */
export function beside(...panels: readonly (Panel | null)[]): Panel | null {
  return row(panels, "independent");
}

/** Two and two, in order, with one legend for all. */
export function inPairs(panels: readonly (Panel | null)[]): (Panel | null)[] {
  const drawn = panels.filter((panel) => panel !== null);
  return Array.from({ length: Math.ceil(drawn.length / 2) }, (_, i) => row(drawn.slice(2 * i, 2 * i + 2), "shared"));
}

function row(panels: readonly (Panel | null)[], color: "shared" | "independent"): Panel | null {
  const drawn = panels.filter((panel) => panel !== null);
  if (drawn.length <= 1) return drawn[0] ?? null;
  return { hconcat: drawn, spacing: 24, resolve: { scale: { color } } };
}

/** Letters of a note in one line. */
const LINE = 112;

function wrapped(note: string): string[] {
  const lines: string[] = [];
  for (const word of note.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < LINE) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** What a result was measured on: model, texts, tokens. */
export function madeFrom({ model, data, tokens_per_text }: ExperimentResult): string {
  return [model.id, textsOf(data, tokens_per_text)].filter((part) => part !== "").join(" · ");
}

/** The same for several: one line where all had the same texts. */
export function allMadeFrom(results: readonly ExperimentResult[]): string[] {
  const [texts = "", ...others] = new Set(results.map(({ data, tokens_per_text }) => textsOf(data, tokens_per_text)));
  if (others.length > 0) return results.map(madeFrom);
  return texts === "" ? [] : [`${results.length === 1 ? "On" : "Each on"} ${texts}`];
}

function textsOf(data: ExperimentResult["data"], tokens: number | null): string {
  if (!data) return "";
  const own = data.tokens ? ` × ${data.tokens.least} to ${data.tokens.most} tokens` : "";
  const texts = `${data.texts} ${data.texts === 1 ? "text" : "texts"}${tokens === null ? own : ` × ${tokens} tokens`}`;
  return data.dataset === null ? texts : `${texts} of ${data.dataset}`;
}

export function subjectOf({ kind, id }: ExperimentResult): string {
  return `The result of the ${kind} experiment ${id}`;
}
