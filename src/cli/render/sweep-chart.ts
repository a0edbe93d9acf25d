/** A sweep as bars: how far each deletion and each swap moves the prediction. */
import type { Comparison, MetaEvent, ResultEvent } from "../../schemas/events.ts";
import { nats } from "./numbers.ts";
import { bar, left, right, tokenText } from "./text.ts";
import type { View } from "./view.ts";

const TITLES = { delete: "one layer deleted", swap: "two neighbours swapped" } as const;
const LABEL = 7;
const VALUE = 9;
/** Of the token that came instead; less where the bars would have no room. */
const TOKEN = { most: 16, least: 6 } as const;
const LEAST_BAR = 10;

/** The chart of a run that swept `delete` and `swap`; all bars share one scale. */
export function sweepLines(meta: MetaEvent, result: ResultEvent, view: View): string[] {
  const { bold, dim } = view.colours;
  const tops = new Map(result.variants.map(({ name, final }) => [name, final.at(-1)?.top[0]?.text]));
  const position = meta.positions.at(-1);
  const rows = result.comparison.filter((one) => one.position === position);
  const most = Math.max(...rows.map((row) => row.kl_nats ?? 0), 1e-9);
  const room = view.width - 1 - LABEL - 1 - 1 - VALUE - 2 - 2;
  const token = Math.max(TOKEN.least, Math.min(TOKEN.most, room - LEAST_BAR));
  const widths = { bar: Math.max(LEAST_BAR, room - token), token };
  const lines = [
    ` ${bold(meta.model.id)} ${dim(`after “${tokenText(meta.tokens.at(-1)?.text ?? "")}” the untouched model says “${tokenText(tops.get("baseline") ?? "")}”`)}`,
  ];
  for (const kind of ["delete", "swap"] as const) {
    const own = rows.filter((row) => row.variant.startsWith(`${kind}.`));
    if (own.length === 0) continue;
    const kept = own.filter((row) => row.top1_agreement).length;
    lines.push("", ` ${bold(TITLES[kind])} ${dim(`KL(baseline ‖ variant) in nats; top token kept by ${kept} of ${own.length}`)}`);
    for (const row of own) lines.push(barLine(row, labelOf(row.variant, kind), most, widths, tops.get(row.variant), view));
  }
  return lines;
}

function labelOf(variant: string, kind: keyof typeof TITLES): string {
  const layer = Number(variant.slice(kind.length + 1));
  return kind === "swap" ? `${layer} ↔ ${layer + 1}` : String(layer);
}

interface Widths {
  readonly bar: number;
  readonly token: number;
}

function barLine(
  row: Comparison,
  label: string,
  most: number,
  { bar: width, token }: Widths,
  top: string | undefined,
  view: View,
): string {
  const { cyan, dim, green, yellow } = view.colours;
  const colour = row.top1_agreement ? cyan : yellow;
  const drawn = left(bar((row.kl_nats ?? 0) / most, width), width);
  const verdict = row.top1_agreement ? green("✓") : `${yellow("✗")} ${left(tokenText(top ?? ""), token).trimEnd()}`;
  return ` ${dim(right(label, LABEL))} ${colour(drawn)} ${right(nats(row.kl_nats), VALUE)}  ${verdict}`.trimEnd();
}
