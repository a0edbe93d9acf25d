/** What the later papers add to figure 3: layers run twice, and a whole middle run in other ways. */
import type { ExperimentResult } from "../../experiments/result.ts";
import { type Measured, meanOf, measuredBy } from "../results/measured.ts";
import { resultOf } from "../results/outcome.ts";
import { listed, percent, percentRange, withUnit } from "../text/numbers.ts";
import { type Claim, type Remark, verdictOf } from "./claim.ts";
import { effects, means, middleOf } from "./robustness.ts";

/** What becomes of the middle, in the words of sentences. */
export const SCHEDULES: Readonly<Record<string, string>> = {
  skip: "left out",
  reverse: "in reverse",
  shuffle: "in a random order",
  parallel: "side by side",
  "loop-parallel": "side by side, in a loop",
  "repeat-middle": "all replaced by the middle one",
};

/** Of each schedule the one whose middle is nearest to half of the layers. */
export function schedulesOfHalf(
  result: ExperimentResult,
): { start: number; middle: number; effects: (Measured & { operation: string })[] } | null {
  const { n_layers: layers } = result.model;
  const operations = Object.keys(SCHEDULES);
  const rows = operations.flatMap((operation) =>
    measuredBy(result, "kl_nats", { operation }, "start").map((row) => ({ operation, ...row })),
  );
  const starts = [...new Set(rows.map(({ at }) => at))];
  const size = (start: number) => layers - 2 * start - 1;
  const [start] = starts.sort((a, b) => Math.abs(size(a) - layers / 2) - Math.abs(size(b) - layers / 2));
  if (start === undefined) return null;
  return { start, middle: size(start), effects: rows.filter(({ at }) => at === start).sort((a, b) => a.mean - b.mean) };
}

const painters: Claim = {
  id: "schedules",
  says: "Among other ways to run the middle, one layer in the place of all is the worst; a random order and a parallel loop are the mildest (Transformer Layers as Painters).",
  criterion:
    "with about half of the layers as the middle, repeating one diverges most, and random order and looped parallel least (in part: one of the two)",
  judge(of) {
    const result = resultOf(of, "layer-schedules");
    const found = result && schedulesOfHalf(result);
    if (!found || found.effects.length < Object.keys(SCHEDULES).length) return null;
    const { start, middle, effects } = found;
    const names = effects.map(({ operation }) => operation);
    const least = new Set(names.slice(0, 2));
    const kept = (operation: string) =>
      measuredBy(result, "top1_agreement", { operation }, "start").find(({ at }) => at === start);
    const said = effects.map(({ operation, mean }) => {
      const top = kept(operation);
      return `${SCHEDULES[operation]} ${withUnit(mean, "nats")}${top ? ` (${percent(top.mean)} kept)` : ""}`;
    });
    return {
      verdict: verdictOf(names.at(-1) === "repeat-middle", least.has("shuffle") && least.has("loop-parallel")),
      short: `least: ${names[0]}; most: ${names.at(-1)}`,
      sentence: `With the ${middle} layers ${start + 1}–${start + middle} run in other ways, from the mildest to the worst: ${listed(said)}.`,
    };
  },
};

const repeated: Remark = (of) => {
  const result = resultOf(of, "layer-repeat");
  if (!result) return null;
  const middle = middleOf(measuredBy(result, "top1_agreement"), result.model.n_layers - 1);
  if (middle.length === 0) return null;
  const times = Number(result.settings.times ?? 2);
  const deletions = resultOf(of, "layer-interventions");
  const deleted = deletions ? effects(deletions, "delete", "top1_agreement").middle : [];
  return (
    `Running one middle layer ${times === 2 ? "twice" : `${times} times`} keeps ` +
    `${percentRange(Math.min(...means(middle)), Math.max(...means(middle)))} of the top predictions (${percent(meanOf(middle))} on average)` +
    `${deleted.length > 0 ? `, ${meanOf(middle) >= meanOf(deleted) ? "more" : "less"} than deleting it` : ""}.`
  );
};

export const SCHEDULE_CLAIMS: readonly Claim[] = [painters];
export const SCHEDULE_REMARKS: readonly Remark[] = [repeated];
