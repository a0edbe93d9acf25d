import { refuse } from "../../runs/tokens.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import { MAX_VARIANTS } from "../../schemas/limits.ts";
import type { TextsInput } from "../chunks.ts";
import type { Kind } from "../kind.ts";
import { observeTexts, type StatisticsKind, type StatisticsOutput, statisticsKind, statisticsOutput } from "../statistics.ts";
import { firstPosition, type Study } from "../study.ts";
import { COMPARISON_STATISTICS, comparisonJobs, comparisonsOf, comparisonValues, pairedDifference } from "./comparisons.ts";
import { checkOperations, compileFor, emptyVectors, filledVectors, type MeanNotes } from "./compiled.ts";
import { checkTokenRows, TOKEN_COLUMNS, tokenRows, tokenValues } from "./token-rows.ts";

type Settings = SettingsOf<"variants">;

interface Notes extends MeanNotes {
  /** As the request has them: a store may keep an object's fields in another order. */
  readonly names: readonly string[];
}

interface Output extends StatisticsOutput {
  /** [text, variant, statistic, counted position], each text with as many as it has; NaN: no next token. null: not asked for. */
  readonly tokens: Float32Array | null;
}

const spec: StatisticsKind<Settings> = {
  name: "variants",
  keys: [{ name: "variant", type: "string", description: "a_minus_b: the paired difference of two, per token" }],
  statistics: COMPARISON_STATISTICS,
  shown: ["kl_nats", "top1_agreement"],
  quantiles: true,
  cells: (study) => [...names(study), ...study.settings.pairs.map(pairName)].map((variant) => ({ variant })),
  async check(ask, { tokens }) {
    const { variants, pairs } = ask.settings;
    const all = Object.keys(variants);
    const count = `an object of ${all.length} variants is`;
    if (all.length === 0) refuse("/settings/variants", `${count} less than the least allowed, 1`);
    if (all.length > MAX_VARIANTS) refuse("/settings/variants", `${count} more than the most allowed, ${MAX_VARIANTS}`);
    checkPairs(pairs, all);
    const means = await checkOperations(variants, ask, tokens, (pointer) => `/settings${pointer}`);
    return { names: all, ...means };
  },
  jobs(study, tokens, model) {
    const { schedules, resources } = compileFor(study, () => study.settings.variants, model, tokens.length);
    const byName = new Map(schedules.map((schedule) => [schedule.name, schedule]));
    const [baseline, ...variants] = ["baseline", ...names(study)].map((name) => byName.get(name) as (typeof schedules)[number]);
    const sources = resources.sources.map((source) => ({ tokens: source.tokens }));
    return comparisonJobs(study, tokens, baseline as (typeof schedules)[number], variants, {
      vectors: emptyVectors(resources),
      ...(sources.length > 0 ? { sources } : {}),
    });
  },
  vectors: (study, lab, tokenCount) =>
    filledVectors(compileFor(study, () => study.settings.variants, lab.model, tokenCount).resources, lab),
  read(study, outputs) {
    const values = comparisonsOf(outputs).map(comparisonValues);
    const at = (name: string) => values[names(study).indexOf(name)] as Float64Array[];
    return [...values, ...study.settings.pairs.map(([a, b]) => pairedDifference(at(a), at(b)))].flat();
  },
  summary: (_, means) => ({
    variants: means.cells.map(({ variant }, cell) => ({
      variant,
      ...Object.fromEntries(COMPARISON_STATISTICS.map((statistic) => [statistic, means.mean(cell, statistic)])),
    })),
  }),
};

const { plan, ...kind } = statisticsKind(spec);

/**
 * The statistics of figure 3 for any variants, with the paired differences of those named; on request also a row per token.
 * Token ids as texts or as prompts of patches get the BOS that `prepend_bos` says, as texts do.
 */
export const variants: Kind<Settings, TextsInput, Output> = {
  ...kind,
  async plan(ask) {
    const planned = await plan(ask);
    const counted = (planned.lengths?.all ?? 0) - planned.texts * firstPosition(ask);
    if (ask.settings.per_token) checkTokenRows(Object.keys(ask.settings.variants).length * counted, "/settings/per_token");
    return planned;
  },
  async compute(study, { texts }, lab) {
    const observed = await observeTexts(spec, study, texts, lab);
    const tokens = study.settings.per_token ? tokenValues(observed, names(study).length) : null;
    return { ...statisticsOutput(observed, spec.quantiles), tokens };
  },
  tables: {
    tokens: {
      description: "A row per text, variant and token: what is predicted after that token.",
      has: ({ settings }) => settings.per_token,
      columns: () => TOKEN_COLUMNS,
      rows: (study, { input, output }, tokenizer) =>
        tokenRows(study, input, { variants: names(study), values: output.tokens as Float32Array }, tokenizer),
    },
  },
};

function names({ notes }: Study<Settings>): Notes["names"] {
  return (notes as unknown as Notes).names;
}

function pairName([a, b]: readonly [string, string]): string {
  return `${a}_minus_${b}`;
}

function checkPairs(pairs: Settings["pairs"], all: readonly string[]): void {
  const seen = new Set(all);
  for (const [i, pair] of pairs.entries()) {
    const pointer = `/settings/pairs/${i}`;
    for (const [j, name] of pair.entries()) {
      const known = all.slice(0, 50).join(", ");
      if (!all.includes(name)) refuse(`${pointer}/${j}`, `there is no variant ${JSON.stringify(name)}; there are ${known}`);
    }
    if (pair[0] === pair[1]) refuse(pointer, `${pair[0]} minus itself is nothing: name two variants`);
    const name = pairName(pair);
    if (seen.has(name)) refuse(pointer, `there is already a row named ${name}`);
    seen.add(name);
  }
}
