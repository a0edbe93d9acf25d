/** Experiments, a line each. */
import type { Experiment } from "../../schemas/experiments/experiment.ts";
import { cutMiddle, left, right, textWidth } from "./text.ts";
import type { View } from "./view.ts";

const HEAD = ["id", "kind", "model", "state", "done", "started"] as const;
type Name = (typeof HEAD)[number];
type Cells = Readonly<Record<Name, string>>;

/** What is left of a model's name where there is least room. */
const LEAST_MODEL = 12;
/** Of the day, without the time. */
const DAY = 10;

/**
 * Columns as wide as what is in them. Where a terminal has less, the time of day goes first, then the day; and only then is
 * the middle of models' names cut out.
 */
export function experimentList(experiments: readonly Experiment[], view: View): string[] {
  const { dim } = view.colours;
  if (experiments.length === 0) return ["There are no experiments yet: stratascope experiment layer-interventions"];
  const rows = experiments.map(cellsOf);
  const widths = fitted(rows, view);
  const head = Object.fromEntries(HEAD.map((name) => [name, name])) as Cells;
  return [
    ` ${dim(line(head, widths, (text) => text))}`,
    ...rows.map((row, i) => ` ${line(row, widths, colourOf((experiments[i] as Experiment).state, view), dim)}`),
  ];
}

function cellsOf({ id, kind, model, state, progress, created_at }: Experiment): Cells {
  const done = `${progress.done} of ${progress.total}`;
  return { id, kind, model, state, done, started: created_at.slice(0, 16).replace("T", " ") };
}

function fitted(rows: readonly Cells[], { width, bounded }: View): Record<Name, number> {
  const widths = Object.fromEntries(
    HEAD.map((name) => [name, Math.max(name.length, ...rows.map((row) => textWidth(row[name])))]),
  ) as Record<Name, number>;
  const over = () => 1 + Object.values(widths).reduce((sum, each) => sum + (each > 0 ? each + 1 : 0), -1) - width;
  if (!bounded) return widths;
  if (over() > 0) widths.started = DAY;
  if (over() > 0) widths.started = 0;
  if (over() > 0) widths.model = Math.max(LEAST_MODEL, widths.model - over());
  return widths;
}

function line(
  cells: Cells,
  widths: Readonly<Record<Name, number>>,
  stateColour: (text: string) => string,
  startedColour: (text: string) => string = (text) => text,
): string {
  return [
    left(cells.id, widths.id),
    left(cells.kind, widths.kind),
    left(cutMiddle(cells.model, widths.model), widths.model),
    stateColour(left(cells.state, widths.state)),
    right(cells.done, widths.done),
    ...(widths.started > 0 ? [startedColour(cells.started.slice(0, widths.started))] : []),
  ].join(" ");
}

function colourOf(state: Experiment["state"], { colours }: View): (text: string) => string {
  const { green, red, yellow, cyan, dim } = colours;
  return { completed: green, failed: red, cancelled: yellow, paused: yellow, running: cyan, queued: dim }[state];
}
