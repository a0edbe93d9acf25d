/**
 * Kinds whose result is a table of means: cells (a layer under an operation, a head, …) times statistics, over the
 * observations of all texts. What a text gives is kept as moments, so that the standard error can be clustered by text
 * and nothing depends on what was computed beside what.
 */

import type { VectorSpec } from "../engine/protocol.ts";
import { ClusteredMean, momentsOf } from "../metrics/clustered-mean.ts";
import { type EncodedSketch, QuantileSketch } from "../metrics/quantile-sketch.ts";
import type { ServedModel } from "../runs/served-models.ts";
import { longestOf, planOfTexts, type TextsInput } from "./chunks.ts";
import type { Ask, Fold, Kind, Plan } from "./kind.ts";
import type { Lab, LabJob, RunOutput } from "./lab.ts";
import type { CutTexts } from "./lengths.ts";
import { type Cell, type Column, MEAN_COLUMNS, QUANTILE_COLUMNS, QUANTILES, type ResultRow } from "./result.ts";
import type { Study } from "./study.ts";

/** The values of one text: [cell · statistics + statistic], each with any number of observations. */
export type Observed = readonly ArrayLike<number>[];

/** Means by cell and statistic, once all texts are in. */
export interface Means {
  readonly cells: readonly Key[];
  /** NaN: no observations. */
  mean(cell: number, statistic: string): number;
}

/** The key columns of a cell. */
export type Key = Readonly<Record<string, Cell>>;

/** The table that statistics make. */
export interface StatisticsTable<Settings> {
  readonly keys: readonly Column[];
  readonly statistics: readonly string[];
  /** Statistics that progress tells, the figure's main ones. */
  readonly shown: readonly string[];
  /** Whether distributions are reported: quantiles, within 1 %. */
  readonly quantiles: boolean;
  cells(study: Study<Settings>): readonly Key[];
  summary(study: Study<Settings>, means: Means): Readonly<Record<string, unknown>>;
}

export interface StatisticsKind<Settings> extends StatisticsTable<Settings> {
  readonly name: string;
  /** Refuses what cannot be computed; whatever it returns goes into the study's notes. */
  check?(ask: Ask<Settings>, texts: CutTexts): Notes | Promise<Notes>;
  /** The runs of a text. Vectors that are means are empty: `vectors`. */
  jobs(study: Study<Settings>, tokens: readonly number[], model: ServedModel): readonly LabJob[];
  /** Of all jobs of a text of so many tokens, where they have to be computed first. */
  vectors?(study: Study<Settings>, lab: Lab, tokenCount: number): Promise<readonly VectorSpec[]>;
  /** One text's values, from what its runs said. */
  read(study: Study<Settings>, outputs: readonly RunOutput[], tokens: readonly number[]): Observed;
}

type Notes = Readonly<Record<string, unknown>> | undefined;

/** What a chunk of texts gives. */
export interface StatisticsOutput {
  /** [text, cell · statistics + statistic, (count, mean, m2)] */
  readonly moments: Float64Array;
  /** [cell · statistics + statistic]; null: no quantiles. */
  readonly sketches: readonly EncodedSketch[] | null;
}

/** A kind of statistics, and what it was made from: kinds that put several together use their runs and values. */
export interface MadeOfStatistics<Settings> extends Kind<Settings, TextsInput, StatisticsOutput> {
  readonly spec: StatisticsKind<Settings>;
}

/** The kind that a table of statistics makes. */
export function statisticsKind<Settings>(spec: StatisticsKind<Settings>): MadeOfStatistics<Settings> {
  return {
    spec,
    name: spec.name,
    async plan(ask): Promise<Plan<TextsInput>> {
      const texts = await ask.material.cut();
      const notes = await spec.check?.(ask, texts);
      return { ...planOfTexts(texts), ...(notes && { notes }) };
    },
    jobs: (study, { texts }, model) => spec.jobs(study, [...longestOf(texts)], model),
    async compute(study, { texts }, lab) {
      return statisticsOutput(await observeTexts(spec, study, texts, lab), spec.quantiles);
    },
    fold: (study) => statisticsFold(spec, study),
  };
}

/** Adds up what `statisticsOutput` keeps. */
export function statisticsFold<Settings>(
  table: StatisticsTable<Settings>,
  study: Study<Settings>,
): Fold<unknown, StatisticsOutput> {
  return new StatisticsFold(table, study);
}

/** What every text gives; they run beside each other. */
export async function observeTexts<Settings>(
  spec: Pick<StatisticsKind<Settings>, "jobs" | "vectors" | "read">,
  study: Study<Settings>,
  texts: readonly Int32Array[],
  lab: Lab,
): Promise<Observed[]> {
  return lab.all(texts, async (text) => {
    const tokens = [...text];
    const vectors = await spec.vectors?.(study, lab, tokens.length);
    const jobs = spec.jobs(study, tokens, lab.model);
    const outputs = await lab.all(jobs, (job) => lab.run(vectors ? { ...job, vectors } : job));
    return spec.read(study, outputs, tokens);
  });
}

/** What is kept of values; `quantiles`: their distributions too. */
export function statisticsOutput(observed: readonly Observed[], quantiles: boolean): StatisticsOutput {
  const width = observed[0]?.length ?? 0;
  const moments = new Float64Array(observed.length * width * 3);
  const sketches = quantiles ? Array.from({ length: width }, () => new QuantileSketch()) : null;
  for (const [text, values] of observed.entries()) {
    for (const [at, column] of values.entries()) {
      const { count, mean, m2 } = momentsOf(column);
      moments.set([count, mean, m2], (text * width + at) * 3);
      if (sketches) for (let i = 0; i < column.length; i++) sketches[at]?.add(column[i] as number);
    }
  }
  return { moments, sketches: sketches?.map((sketch) => sketch.encode()) ?? null };
}

class StatisticsFold<Settings> implements Fold<unknown, StatisticsOutput> {
  readonly #spec: StatisticsTable<Settings>;
  readonly #study: Study<Settings>;
  readonly #cells: readonly Key[];
  readonly #means: readonly ClusteredMean[];
  readonly #sketches: readonly QuantileSketch[] | null;

  constructor(spec: StatisticsTable<Settings>, study: Study<Settings>) {
    this.#spec = spec;
    this.#study = study;
    this.#cells = spec.cells(study);
    const width = this.#cells.length * spec.statistics.length;
    this.#means = Array.from({ length: width }, () => new ClusteredMean());
    this.#sketches = spec.quantiles ? Array.from({ length: width }, () => new QuantileSketch()) : null;
  }

  add({ moments, sketches }: StatisticsOutput): void {
    const width = this.#means.length;
    for (let at = 0; at < moments.length; at += 3) {
      const [count, mean, m2] = moments.subarray(at, at + 3);
      this.#means[(at / 3) % width]?.add(count as number, mean as number, m2 as number);
    }
    for (const [at, encoded] of (sketches ?? []).entries()) this.#sketches?.[at]?.merge(QuantileSketch.decode(encoded));
  }

  progress(): ResultRow[] {
    return this.#rows(this.#spec.shown).map(({ std: _, ...row }) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => !/^q\d\d$/.test(name))),
    );
  }

  finish() {
    const { keys, statistics, quantiles } = this.#spec;
    const columns = [...keys, ...MEAN_COLUMNS, ...(quantiles ? QUANTILE_COLUMNS : [])];
    const means: Means = {
      cells: this.#cells,
      mean: (cell, statistic) =>
        this.#means[cell * statistics.length + statistics.indexOf(statistic)]?.finish().mean ?? Number.NaN,
    };
    return { summary: this.#spec.summary(this.#study, means), table: { columns, rows: this.#rows(statistics) } };
  }

  #rows(wanted: readonly string[]): ResultRow[] {
    const { statistics } = this.#spec;
    return this.#cells.flatMap((key, cell) =>
      wanted.map((statistic) => {
        const at = cell * statistics.length + statistics.indexOf(statistic);
        return { ...key, ...meanFields(statistic, this.#means[at] as ClusteredMean), ...quantileFields(this.#sketches?.[at]) };
      }),
    );
  }
}

/** The columns of `MEAN_COLUMNS`. */
export function meanFields(statistic: string, of: Pick<ClusteredMean, "finish">): ResultRow {
  const { mean, std, sem, count } = of.finish();
  const known = (value: number | null) => (value !== null && Number.isFinite(value) ? value : null);
  return { statistic, mean: known(mean), std: known(std), sem: known(sem), count };
}

function quantileFields(sketch: QuantileSketch | undefined): ResultRow {
  if (!sketch) return {};
  return Object.fromEntries(QUANTILES.map((q, i) => [QUANTILE_COLUMNS[i]?.name as string, sketch.quantile(q)]));
}
