/** What stands under the table: how the intervened run compares with the baseline, and the time it took. */

import type { Readout } from "../../schemas/captures.ts";
import type { DoneEvent, MetaEvent, ResultEvent } from "../../schemas/events.ts";
import { change, measure, milliseconds, nats, percent } from "./numbers.ts";
import { left, right, shownToken, tokenText } from "./text.ts";
import type { View } from "./view.ts";

/** The comparison; with several positions, one line each. */
export function resultLines(meta: MetaEvent, result: ResultEvent, view: View): string[] {
  const { bold, dim } = view.colours;
  const finals = new Map(result.variants.map((variant) => [variant.name, variant.final]));
  const at = (variant: string, position: number) => finals.get(variant)?.find((one) => one.position === position);
  const [only] = result.comparison;
  if (!only) return [];
  if (result.comparison.length === 1) {
    const before = at("baseline", only.position);
    const after = at(only.variant, only.position);
    const rows: [string, string][] = [
      ["KL(baseline ‖ intervened)", `${bold(nats(only.kl_nats))} nats`],
      ["top token", topLine(only.top1_agreement, before, after, view)],
      [
        "entropy",
        `${measure(before?.entropy_bits ?? null)} → ${measure(after?.entropy_bits ?? null)} bits ${dim(`(${change(only.entropy_change_bits)})`)}`,
      ],
    ];
    return rows.map(([name, value]) => ` ${dim(left(name, 27))}${value}`);
  }
  const tokens = new Map(meta.tokens.map((token) => [token.position, shownToken(token)]));
  return [
    ` ${dim(`${right("after", 20)} ${right("KL nats", 9)} ${right("Δ bits", 8)}  top token`)}`,
    ...result.comparison.map(({ variant, position, ...one }) => {
      const name = `${right(String(position), 5)} ${right(tokens.get(position) ?? "", 14)}`;
      const top = topLine(one.top1_agreement, at("baseline", position), at(variant, position), view);
      return ` ${dim(name)} ${right(nats(one.kl_nats), 9)} ${right(change(one.entropy_change_bits), 8)}  ${top}`;
    }),
  ];
}

/** The tokens followed through the layers, as they stand at the end of each variant. */
export function targetLines(result: ResultEvent, view: View): string[] {
  return result.variants.flatMap(({ name, final }) => {
    const last = final.at(-1);
    return (last?.targets ?? []).map((target) => {
      const text = left(shownToken(target), 14);
      return ` ${view.colours.dim(left(`${name}, followed`, 27))}${text} ${right(percent(target.logprob), 5)}  rank ${target.rank}`;
    });
  });
}

/** A wait for the model that is worth a word: of all the time, and in milliseconds. */
const LONG_WAIT = { share: 0.25, ms: 100 } as const;

/** The time it took, and where it went. */
export function doneLine(done: DoneEvent, view: View): string {
  const { total, engine } = done.timing_ms;
  const wait = total - engine;
  const isLong = wait >= LONG_WAIT.ms && wait >= LONG_WAIT.share * total;
  const where = isLong
    ? `: ${milliseconds(wait)} until the model was ready, ${milliseconds(engine)} in the engine`
    : `, ${milliseconds(engine)} of it in the engine`;
  return ` ${view.colours.dim(`${milliseconds(total)} in all${where}`)}`;
}

function topLine(kept: boolean, before: Readout | undefined, after: Readout | undefined, view: View): string {
  const { green, yellow } = view.colours;
  const show = (readout: Readout | undefined) => {
    const top = readout?.top[0];
    return top ? `${tokenText(top.text)} ${percent(top.logprob)}` : "–";
  };
  return kept
    ? `${green("✓ kept")}     ${show(before)} → ${show(after)}`
    : `${yellow("✗ changed")}  ${show(before)} → ${show(after)}`;
}
