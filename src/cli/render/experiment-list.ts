/** Experiments, a line each. */
import type { Experiment } from "../../schemas/experiments/experiment.ts";
import { left, right } from "./text.ts";
import type { View } from "./view.ts";

const WIDTHS = { id: 26, kind: 19, state: 9, done: 15 } as const;

export function experimentList(experiments: readonly Experiment[], view: View): string[] {
  const { dim } = view.colours;
  if (experiments.length === 0) return ["There are no experiments yet: stratascope experiment layer-interventions"];
  const model = Math.max(10, view.width - 2 - WIDTHS.id - WIDTHS.kind - WIDTHS.state - WIDTHS.done - 22);
  const head = [
    left("id", WIDTHS.id),
    left("kind", WIDTHS.kind),
    left("model", model),
    left("state", WIDTHS.state),
    right("done", WIDTHS.done),
    "started",
  ];
  return [` ${dim(head.join(" "))}`, ...experiments.map((each) => ` ${rowOf(each, model, view)}`)];
}

function rowOf({ id, kind, model, state, progress, created_at }: Experiment, width: number, view: View): string {
  const { green, red, yellow, cyan, dim } = view.colours;
  const colour = { completed: green, failed: red, cancelled: yellow, paused: yellow, running: cyan, queued: dim }[state];
  const done = `${progress.done} of ${progress.total}`;
  return [
    left(id, WIDTHS.id),
    left(kind, WIDTHS.kind),
    left(model, width),
    colour(left(state, WIDTHS.state)),
    right(done, WIDTHS.done),
    dim(created_at.slice(0, 16).replace("T", " ")),
  ].join(" ");
}
