/** The table of a run, which grows as layers arrive: the untouched model on the left, the intervened one on the right. */
import type { LayerEvent, MetaEvent } from "../../schemas/events.ts";
import type { Step } from "../../schemas/normal-form.ts";
import { type AlignedRow, align, stepLabel } from "./align.ts";
import { PADDED, sideCells, sideHead, sideLayout, sideLegend } from "./columns.ts";
import { left, shownToken, textWidth, tokenText, wrapped } from "./text.ts";
import type { View } from "./view.ts";

const BETWEEN = " │ ";

export interface RunTable {
  /** Lines before the first layer. */
  readonly head: readonly string[];
  /** Takes a layer's event; gives the lines that are now complete, in the table's order. */
  add(event: LayerEvent): string[];
  /** The lines that never became complete: what a run that broke off has left. */
  rest(): string[];
  /** What marks in the lines so far mean. */
  notes(): string[];
}

/**
 * The table of a run whose `meta` this is: a line per step, or one per step and position where several are read out.
 * `norms`: whether they were asked for; `followed`: the tokens that are.
 */
export function runTable(meta: MetaEvent, view: View, norms = true, followed: readonly (string | number)[] = []): RunTable {
  const { dim, bold } = view.colours;
  const [first, second] = meta.variants;
  const several = meta.positions.length > 1;
  const labelAt = (text: string, position: number) => (several ? `${text}@${position}` : text);
  const rows = align(first?.steps ?? [], second?.steps ?? []).map((row) => (second ? row : { ...row, variant: null }));
  const labels = meta.variants.slice(0, 2).flatMap(({ steps }) => [undefined, ...steps].map(stepLabel));
  const label = Math.max(5, ...labels.map((text) => textWidth(labelAt(text, meta.positions.at(-1) ?? 0))));
  const sides = second ? 2 : 1;
  const room = Math.floor((view.width - 1 - (sides - 1) * textWidth(BETWEEN)) / sides);
  const layout = sideLayout(
    room,
    Math.min(label, 16),
    norms,
    followed.map((target) => (typeof target === "string" ? tokenText(target) : `[${target}]`)),
  );
  const seen = new Map<string, LayerEvent>();
  let next = 0;

  const event = (variant: string | undefined, step: number | null) =>
    step === null ? undefined : seen.get(`${step} ${variant}`);
  const topOf = (layer: LayerEvent | undefined, position: number) =>
    layer?.readout?.find((one) => one.position === position)?.top[0]?.id;

  const ran = new Set(second?.steps.flatMap((step) => step.blocks));
  const isMissing = (step: Step | undefined) => step?.blocks.every((block) => !ran.has(block)) ?? false;

  const lines = (row: AlignedRow) => meta.positions.map((position) => line(row, position));

  function line({ baseline, variant }: AlignedRow, position: number): string {
    const [one, other] = [event(first?.name, baseline), event(second?.name, variant)];
    const label = (steps: readonly Step[] = [], step: number | null) => labelAt(stepLabel(steps[(step ?? 0) - 1]), position);
    const gap = (text: string) => dim(left(`${" ".repeat(layout.label)} ${text}`, layout.width));
    const unlike = one !== undefined && other !== undefined && topOf(one, position) !== topOf(other, position);
    const likeness = unlike ? "unlike" : one && other && isSame(one, other, position) ? "same" : "plain";
    const untouched = one ? sideCells(layout, label(first?.steps, baseline), one, position, "plain", view) : gap("");
    if (!second) return ` ${untouched}`.trimEnd();
    const missing = variant === null && isMissing(first?.steps[(baseline ?? 0) - 1]);
    const changed = other
      ? sideCells(layout, label(second.steps, variant), other, position, likeness, view)
      : gap(missing ? "not run" : "");
    return ` ${untouched}${dim(BETWEEN)}${changed}`.trimEnd();
  }

  const heading = (name: string | undefined) => bold(left(`${" ".repeat(layout.label)} ${name ?? ""}`, layout.width));
  const head = [
    ...modelLines(meta, view),
    ...wrapped(sideLegend(layout).split(" "), view.width - 1).map((text) => ` ${dim(text)}`),
    "",
    ` ${second ? `${heading(first?.name)}${dim(BETWEEN)}${heading(second.name)}` : heading(first?.name)}`.trimEnd(),
    ` ${dim(second ? `${sideHead(layout)}${BETWEEN}${sideHead(layout)}` : sideHead(layout))}`.trimEnd(),
    ` ${dim(second ? `${"─".repeat(layout.width)}─┼─${"─".repeat(layout.width)}` : "─".repeat(layout.width))}`,
  ];

  return {
    head,
    add(layer) {
      seen.set(`${layer.step} ${layer.variant}`, layer);
      const complete: string[] = [];
      for (let row = rows[next]; row; row = rows[++next]) {
        if (row.baseline !== null && !event(first?.name, row.baseline)) break;
        if (row.variant !== null && !event(second?.name, row.variant)) break;
        complete.push(...lines(row));
      }
      return complete;
    },
    rest: () => {
      const left = rows.slice(next).filter((row) => event(first?.name, row.baseline) ?? event(second?.name, row.variant));
      next = rows.length;
      return left.flatMap(lines);
    },
    notes: () =>
      [...seen.values()].some(({ readout }) => readout?.some(({ top_is_padding }) => top_is_padding))
        ? [` ${dim(`${PADDED} a row of padding, which is no token, is likelier`)}`]
        : [],
  };
}

/** Whether two steps say the same, to the last digit: they share all that ran before. */
function isSame(one: LayerEvent, other: LayerEvent, position: number): boolean {
  const of = ({ readout, norms }: LayerEvent) =>
    JSON.stringify([readout?.find((each) => each.position === position), norms?.find((each) => each.position === position)]);
  return of(one) === of(other);
}

function modelLines(meta: MetaEvent, view: View): string[] {
  const { dim, bold } = view.colours;
  const { model, tokens, positions } = meta;
  const [position = 0] = positions;
  const token = tokens.find((one) => one.position === position);
  const where =
    positions.length > 1
      ? `layer@position: what comes after each of ${positions.length} positions`
      : `what comes after position ${position}, “${token ? shownToken(token) : ""}”`;
  const about = `${model.family}, ${model.n_layers} layers, ${model.d_model} wide, ${model.precision} on ${model.device}`;
  const lines = (text: string) => wrapped(text.split(" "), view.width - 1).map((line) => ` ${dim(line)}`);
  const count = tokens.length === 1 ? "1 token" : `${tokens.length} tokens`;
  return [
    ...(textWidth(` ${model.id} ${about}`) <= view.width
      ? [` ${bold(model.id)} ${dim(about)}`]
      : [` ${bold(model.id)}`, ...lines(about)]),
    ...lines(`${count}; ${where}`),
  ];
}
