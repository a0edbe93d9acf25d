import { baselineSchedule, type Schedule } from "../../engine/schedule.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import { chunksByTokens, chunksOf, longestOf } from "../chunks.ts";
import type { Fold, Kind } from "../kind.ts";
import type { Lab, LabJob } from "../lab.ts";
import type { ResultRow } from "../result.ts";
import { type Key, type Means, type StatisticsOutput, statisticsFold, statisticsOutput } from "../statistics.ts";
import type { Study } from "../study.ts";
import { type Item, lastWord, multipleChoice, type Sequence } from "./benchmark-rows.ts";
import { VARIANTS_PER_JOB } from "./comparisons.ts";
import { Rows } from "./rows.ts";

type Settings = SettingsOf<"benchmark">;

interface Input {
  readonly first: number;
  readonly items: readonly Item[];
}

interface VariantKey extends Key {
  readonly operation: "baseline" | Settings["operations"][number];
  readonly layer: number | null;
}

/** What one sequence gives, by variant. */
interface Scores {
  /** Σ ln p of the scored tokens, in nats. */
  readonly logprobs: Float64Array;
  /** Whether each of them was the top token. */
  readonly greedy: readonly boolean[];
}

const KEYS = [
  { name: "operation", type: "string", description: "baseline, delete, swap, or repeat: twice in its place" },
  { name: "layer", type: "int", description: "of a swap the first of the two; null: baseline" },
] as const;

/**
 * Accuracy with every layer deleted, swapped with the next, or repeated. `multiple-choice`: the choice whose tokens have the
 * highest log-probability given the context, as it is (`accuracy`, lm-evaluation-harness' acc), per character of the choice
 * (`acc_norm`, as there) and per UTF-8 byte (`acc_bytes`, as there); the first one of a tie. `last-word`: whether every token of the last word is the top token given what comes before it, and
 * its perplexity (LAMBADA, arXiv 1606.06031). Errors are clustered by row; changes are paired with the baseline.
 */
export const benchmark: Kind<Settings, Input, StatisticsOutput> = {
  name: "benchmark",
  async plan(ask) {
    const choosing = ask.settings.task === "multiple-choice";
    const items = await new Rows(ask).map(choosing ? multipleChoice : lastWord);
    const chance = items.reduce((sum, { sequences }) => sum + 1 / sequences.length, 0) / items.length;
    return {
      chunks: chunksByTokens(items, tokensIn).map(({ first, items: some }) => ({
        units: some.length,
        longest: longestOf(some.flatMap(({ sequences }) => sequences.map(({ tokens }) => tokens))).length,
        input: { first, items: some },
      })),
      tokensPerText: null,
      texts: items.length,
      ...(choosing && { notes: { chance } }),
    };
  },
  jobs(study, { items }) {
    const all = items.flatMap(({ sequences }) => sequences).sort((a, b) => b.tokens.length - a.tokens.length);
    return all.slice(0, 1).flatMap((longest) => jobsOf(study, longest));
  },
  async compute(study, { items }, lab) {
    const observed = await lab.all(items, async (item) => {
      const scores = await lab.all(item.sequences, (sequence) => scoresOf(study, sequence, lab));
      return variantKeys(study).flatMap((_, variant) => valuesOf(study, item, scores, variant));
    });
    return statisticsOutput(observed, false);
  },
  fold,
};

/** What decides which choice is right, by the names of lm-evaluation-harness where they differ from plain accuracy. */
const CHOOSING = ["accuracy", "acc_norm", "acc_bytes"] as const;

function rulesOf({ settings }: Pick<Study<Settings>, "settings">): readonly (typeof CHOOSING)[number][] {
  return settings.task === "multiple-choice" ? CHOOSING : ["accuracy"];
}

/** The figure's: length-normalised where there are choices. */
function headlineOf({ settings }: Pick<Study<Settings>, "settings">): (typeof CHOOSING)[number] {
  return settings.task === "multiple-choice" ? "acc_norm" : "accuracy";
}

function statisticsOf(study: Study<Settings>): string[] {
  return [...rulesOf(study).flatMap((rule) => [rule, `${rule}_change`]), "target_logprob_nats"];
}

function variantKeys({ settings, model }: Study<Settings>): VariantKey[] {
  const count = { delete: model.nLayers, swap: model.nLayers - 1, repeat: model.nLayers };
  const layers = settings.operations.flatMap((operation) =>
    Array.from({ length: count[operation] }, (_, layer): VariantKey => ({ operation, layer })),
  );
  return [{ operation: "baseline", layer: null }, ...layers];
}

function scheduleOf({ steps }: Schedule, { operation, layer }: VariantKey): Schedule {
  const name = `${operation}.${layer}`;
  if (layer === null) return { name: operation, steps };
  if (operation === "delete") return { name, steps: steps.toSpliced(layer, 1) };
  const step = steps[layer] as Schedule["steps"][number];
  const pair = operation === "repeat" ? [step, step] : [steps[layer + 1] as typeof step, step];
  return { name, steps: steps.toSpliced(layer, operation === "repeat" ? 1 : 2, ...pair) };
}

function jobsOf(study: Study<Settings>, { tokens, scored }: Sequence): LabJob[] {
  const baseline = baselineSchedule(study.model.nLayers);
  const schedules = variantKeys(study).map((key) => scheduleOf(baseline, key));
  const positions = Array.from({ length: scored }, (_, i) => tokens.length - scored - 1 + i);
  return chunksOf(schedules, VARIANTS_PER_JOB).map(({ items }) => ({
    tokens: [...tokens],
    schedules: items,
    baseline: null,
    readout: { positions },
  }));
}

async function scoresOf(study: Study<Settings>, sequence: Sequence, lab: Lab): Promise<Scores> {
  const outputs = await lab.all(jobsOf(study, sequence), (job) => lab.run(job));
  const finals = outputs.flatMap(({ result }) => result.variants.map(({ final }) => final));
  return {
    logprobs: Float64Array.from(finals, ({ followedLogprobs }) => followedLogprobs.reduce((sum, logprob) => sum + logprob, 0)),
    greedy: finals.map(({ topIds, followedIds }) => topIds.every((id, i) => id === followedIds[i])),
  };
}

/** One row's values under one variant, in the order of the statistics. */
function valuesOf(study: Study<Settings>, item: Item, scores: readonly Scores[], variant: number): number[][] {
  const rules = rulesOf(study).flatMap((rule) => {
    const right = (at: number) => Number(isRight(study, rule, item, scores, at));
    return [[right(variant)], variant === 0 ? [] : [right(variant) - right(0)]];
  });
  return [...rules, [scores[item.answer]?.logprobs[variant] as number]];
}

function isRight(
  { settings }: Study<Settings>,
  rule: (typeof CHOOSING)[number],
  { answer, characters, bytes }: Item,
  scores: readonly Scores[],
  variant: number,
): boolean {
  if (settings.task === "last-word") return scores[0]?.greedy[variant] === true;
  const lengths = { accuracy: null, acc_norm: characters, acc_bytes: bytes }[rule];
  return highest(scores.map(({ logprobs }, i) => (logprobs[variant] as number) / (lengths?.[i] ?? 1))) === answer;
}

/** The first of the highest. */
function highest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

function tokensIn({ sequences }: Item): number {
  return sequences.reduce((sum, { tokens }) => sum + tokens.length, 0);
}

function fold(study: Study<Settings>): Fold<Input, StatisticsOutput> {
  const all = statisticsFold<Settings>(
    { keys: KEYS, statistics: statisticsOf(study), shown: [headlineOf(study)], quantiles: false, cells: variantKeys, summary },
    study,
  );
  return {
    add: (output, input) => all.add(output, input),
    progress: () => all.progress(),
    async finish() {
      const { summary: headline, table } = await all.finish();
      const rows = table.rows.filter(({ count }) => count !== 0);
      return { summary: headline, table: { ...table, rows: study.settings.task === "last-word" ? withPerplexity(rows) : rows } };
    },
  };
}

/** After each mean log-probability of the target e^−mean, with its error by linearisation. */
function withPerplexity(rows: readonly ResultRow[]): ResultRow[] {
  return rows.flatMap((row) => {
    if (row.statistic !== "target_logprob_nats") return [row];
    const mean = Math.exp(-(row.mean as number));
    const sem = row.sem === null ? null : mean * (row.sem as number);
    return [row, { ...row, statistic: "perplexity", mean, std: null, sem }];
  });
}

function summary(study: Study<Settings>, means: Means): Readonly<Record<string, unknown>> {
  const { settings, notes } = study;
  const at = (cell: number, statistic: string) => means.mean(cell, statistic);
  const baseline = {
    ...Object.fromEntries(rulesOf(study).map((rule) => [rule, at(0, rule)])),
    ...(settings.task === "multiple-choice"
      ? { accuracy_by_chance: notes.chance }
      : { perplexity: Math.exp(-at(0, "target_logprob_nats")) }),
  };
  const byLayer = (operation: string, statistic: string) =>
    means.cells.flatMap((key, cell) => (key.operation === operation ? [at(cell, statistic)] : []));
  const shown = [...new Set([headlineOf(study), "accuracy"])];
  const lists = settings.operations.flatMap((operation) =>
    shown.map((statistic) => [`${statistic}_${operation}_by_layer`, byLayer(operation, statistic)] as const),
  );
  return { task: settings.task, baseline, ...Object.fromEntries(lists) };
}
