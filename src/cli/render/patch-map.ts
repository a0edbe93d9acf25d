/** A patch sweep as a map: layers down, positions or heads across, and how far each cell moves the prediction. */
import type { LayerEvent, MetaEvent, ResultEvent } from "../../schemas/events.ts";
import { change, measure } from "./numbers.ts";
import { left, right, shownToken, textWidth, wrapped } from "./text.ts";
import type { View } from "./view.ts";

export interface PatchMap {
  readonly head: readonly string[];
  /** Cells to come, the baseline besides. */
  readonly cells: number;
  /** Takes a variant's last event; gives the lines of the layers that are now complete, in order. */
  add(event: LayerEvent): string[];
  /** What the effects are measured between. */
  summary(result: ResultEvent): string[];
}

const LABEL = 5;
/** Columns of a number, at least, and at most where tokens are long; and of a shade where numbers do not fit. */
const WIDTHS = { number: 6, most: 14, shade: 1 } as const;
const SHADES = [" ", "░", "▒", "▓", "█"] as const;

/** The map of a run whose `meta` this is. */
export function patchMap(meta: MetaEvent, view: View): PatchMap {
  const { bold, dim } = view.colours;
  const cells = meta.variants.flatMap(({ name, steps }) => {
    const [, layer, column] = /^patch\.(\d+)\.(\d+)$/.exec(name) ?? [];
    return layer === undefined ? [] : [{ name, layer: Number(layer), column: Number(column), steps: steps.length }];
  });
  const heads = meta.variants.some(({ steps }) => steps.some(({ scales }) => scales?.some(({ site }) => site === "head")));
  const columns = [...new Set(cells.map(({ column }) => column))];
  const layers = [...new Set(cells.map(({ layer }) => layer))];
  const room = view.width - 1 - LABEL - 1;
  const textOf = (column: number) => {
    const token = meta.tokens.find(({ position }) => position === column);
    return token ? shownToken(token) : "";
  };
  const wished = heads ? WIDTHS.number : Math.max(WIDTHS.number, ...columns.map((column) => textWidth(textOf(column)) + 1));
  const isWide = columns.length * WIDTHS.number <= room;
  const width = isWide ? Math.min(wished, WIDTHS.most, Math.floor(room / columns.length)) : WIDTHS.shade;
  const shown = columns.slice(-Math.floor(room / width));
  const lastSteps = new Map(cells.map(({ name, steps }) => [name, steps]));
  const effects = new Map<string, number | null>();
  let next = 0;

  const indent = " ".repeat(LABEL);
  /** Numbers of the columns, and the tokens there; where columns are narrow, digits below one another and a list. */
  const headings = (): string[] => {
    const numbers = shown.map(String);
    if (isWide) {
      const line = (cells: readonly string[]) => cells.map((text) => right(text, width - 1)).join(" ");
      const label = right("layer", LABEL);
      return heads
        ? ["", ` ${dim(`${label}  ${line(numbers)}`)}`]
        : ["", ` ${dim(`${indent}  ${line(numbers)}`)}`, ` ${dim(`${label}  ${line(shown.map(textOf))}`)}`];
    }
    const digits = Math.max(...numbers.map(({ length }) => length));
    const padded = numbers.map((text) => text.padStart(digits));
    const names = heads
      ? []
      : wrapped(
          shown.map((column) => `${column} ${textOf(column)}`),
          view.width - 2,
          "  ",
        );
    return [
      ` ${dim(`${SHADES.slice(1).join(" ")}: a quarter, half, three quarters, all${heads ? "" : "; positions"}`)}`,
      ...names.map((line) => ` ${dim(line)}`),
      "",
      ...Array.from({ length: digits }, (_, at) => ` ${dim(`${indent} ${padded.map((text) => text[at]).join("")}`)}`),
    ];
  };
  const row = (layer: number) =>
    ` ${dim(right(String(layer), LABEL))} ${shown.map((column) => cell(effects.get(`patch.${layer}.${column}`) ?? null, width, view)).join("")}`;
  const isWhole = (layer: number) => columns.every((column) => effects.has(`patch.${layer}.${column}`));

  return {
    cells: cells.length + 1,
    head: [
      ` ${bold(meta.model.id)} ${dim(`${layers.length} layers × ${columns.length} ${heads ? "heads" : "positions"}; 1: as the source, 0: as without it`)}`,
      ...(shown.length < columns.length ? [` ${dim(`the last ${shown.length} of ${columns.length} that fit this width`)}`] : []),
      ...headings(),
    ],
    add({ variant, step, readout }) {
      if (lastSteps.get(variant) !== step) return [];
      effects.set(variant, readout?.at(-1)?.patch_effect?.[0] ?? null);
      const lines: string[] = [];
      for (let layer = layers[next]; layer !== undefined && isWhole(layer); layer = layers[++next]) lines.push(row(layer));
      return lines;
    },
    summary({ variants, source = [] }) {
      const baseline = variants.find(({ name }) => name === "baseline")?.final.at(-1);
      const names = (baseline?.targets ?? []).slice(0, 2).map((token) => `“${shownToken(token)}”`);
      const difference = (values: readonly (number | null)[] | undefined) => measure(values?.[0] ?? null);
      return [
        ` ${dim(left("logit difference", 27))}${names.join(" − ")}`,
        ` ${dim(left("without, and of the source", 27))}${difference(baseline?.logit_diff)} → ${difference(source.at(-1)?.logit_diff)}`,
      ];
    },
  };
}

/** Bold green from half of the way on, yellow where it goes the other way. */
function cell(effect: number | null, width: number, { colours }: View): string {
  const { bold, cyan, dim, green, yellow } = colours;
  const text =
    width === WIDTHS.shade
      ? (SHADES[Math.max(0, Math.min(SHADES.length - 1, Math.round((effect ?? 0) * (SHADES.length - 1))))] as string)
      : right(effect === null ? "–" : Math.abs(effect) < 0.005 ? "0" : change(effect), width);
  if (effect === null || Math.abs(effect) < 0.1) return dim(text);
  if (effect < 0) return yellow(text);
  return effect >= 0.5 ? bold(green(text)) : cyan(text);
}
