/** Probes of activations, fitted once all are there. */
import { ClusteredMean, momentsOf } from "../../metrics/clustered-mean.ts";
import { fitLogistic, predict } from "../../metrics/logistic-regression.ts";
import { standardise, standardOf } from "../../metrics/standardise.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import type { Fold } from "../kind.ts";
import { type Column, MEAN_COLUMNS, type ResultRow } from "../result.ts";
import { meanFields } from "../statistics.ts";
import type { Study } from "../study.ts";
import type { Candidate, Candidates, SuffixNotes } from "./suffix-candidates.ts";
import type { SuffixExample } from "./suffix-examples.ts";

/** The same candidates in every chunk. */
export interface ProbeOutput extends Candidates {
  /** At the token that predicts. [example, chosen] */
  readonly activations: Float32Array;
  /** 1: the model's top token ends in the suffix. [example] */
  readonly model: Uint8Array;
}

type Example = Pick<SuffixExample, "text" | "label" | "test">;

interface Input {
  /** By text. */
  readonly examples: readonly Example[];
}

/** How often decisions were right, in each part. */
interface Score {
  readonly train: ClusteredMean;
  readonly test: ClusteredMean;
}

interface Alone {
  readonly candidate: Candidate;
  /** Among `chosen`. */
  readonly column: number;
  readonly score: Score;
}

const POPULATIONS = ["prediction", "suppression", "both"] as const;

interface Ensemble {
  readonly population: (typeof POPULATIONS)[number];
  readonly k: number;
  readonly score: Score;
}

const KEYS: readonly Column[] = [
  { name: "population", type: "string", description: "prediction, suppression or both, or model: its own top token" },
  { name: "k", type: "int", description: "neurons of an ensemble, the best of the training part; null: a neuron alone" },
  { name: "layer", type: "int", description: "of a neuron alone" },
  { name: "neuron", type: "int", description: "likewise" },
];
const MODEL = { population: "model", k: null, layer: null, neuron: null } as const;

export class SuffixFold implements Fold<Input, ProbeOutput> {
  readonly #study: Study<SettingsOf<"suffix-probe">>;
  readonly #examples: Example[] = [];
  readonly #activations: Float32Array[] = [];
  /** Labels that the model's top token gives. */
  readonly #model: number[] = [];
  #found: Candidates | null = null;

  constructor(study: Study<SettingsOf<"suffix-probe">>) {
    this.#study = study;
  }

  add({ activations, model, ...found }: ProbeOutput, { examples }: Input): void {
    this.#found ??= found;
    this.#activations.push(activations);
    for (const [i, { text, label, test }] of examples.entries()) {
      this.#examples.push({ text, label, test });
      this.#model.push(model[i] as number);
    }
  }

  progress(): readonly ResultRow[] {
    return rowsOf(MODEL, this.#score(this.#model)).map(({ std: _, ...row }) => row);
  }

  async finish() {
    const chosen = this.#found?.chosen ?? [];
    const probe = this.#prober(chosen.length);
    const alone: Alone[] = [];
    for (const [column, candidate] of chosen.entries()) alone.push({ candidate, column, score: await probe([column]) });
    const ensembles: Ensemble[] = [];
    for (const population of POPULATIONS) {
      const columns = ranked(alone, population).map(({ column }) => column);
      for (let k = 1; k <= Math.min(columns.length, this.#study.settings.top); k++)
        ensembles.push({ population, k, score: await probe(columns.slice(0, k)) });
    }
    const model = this.#score(this.#model);
    const rows = [
      ...rowsOf(MODEL, model),
      ...alone.flatMap((each) => this.#neuronRows(each)),
      ...ensembles.flatMap(({ population, k, score }) => rowsOf({ population, k, layer: null, neuron: null }, score)),
    ];
    return { summary: this.#summary(model, alone, ensembles), table: { columns: [...KEYS, ...MEAN_COLUMNS], rows } };
  }

  /** Fits some columns on the training part, standardised by it, and decides every example. Leaves others their turn. */
  #prober(width: number): (columns: readonly number[]) => Promise<Score> {
    const every = Int32Array.from(this.#examples.keys());
    const train = every.filter((row) => !this.#examples[row]?.test);
    const all = new Float32Array(every.length * width);
    let at = 0;
    for (const part of this.#activations) {
      all.set(part, at);
      at += part.length;
    }
    const x = width === 0 ? new Float64Array(0) : standardise(all, standardOf(all, width, train), every);
    const labels = Uint8Array.from(train, (row) => (this.#examples[row] as Example).label);
    const take = (rows: Int32Array, columns: readonly number[]) => {
      const taken = new Float64Array(rows.length * columns.length);
      let to = 0;
      for (const row of rows) for (const column of columns) taken[to++] = x[row * width + column] as number;
      return taken;
    };
    return async (columns) => {
      await new Promise((resolve) => setImmediate(resolve));
      const fit = fitLogistic(take(train, columns), labels, { C: this.#study.settings.c });
      return this.#score(predict(fit, take(every, columns)).map((likely) => (likely > 0.5 ? 1 : 0)));
    };
  }

  /** `labels` that were decided on; a text is whole in one part. */
  #score(labels: ArrayLike<number>): Score {
    const score = { train: new ClusteredMean(), test: new ClusteredMean() };
    let text: number[] = [];
    for (const [row, example] of this.#examples.entries()) {
      text.push(labels[row] === example.label ? 1 : 0);
      if (this.#examples[row + 1]?.text === example.text) continue;
      const { count, mean, m2 } = momentsOf(text);
      score[example.test ? "test" : "train"].add(count, mean, m2);
      text = [];
    }
    return score;
  }

  #neuronRows({ candidate: { direction, layer, neuron, effect, kurtosis }, score }: Alone): ResultRow[] {
    const key = { population: direction, k: null, layer, neuron };
    const none = { std: null, sem: null };
    const { suffix_tokens } = this.#notes;
    return [
      ...rowsOf(key, score),
      { ...key, statistic: "effect", mean: effect, ...none, count: suffix_tokens.length },
      { ...key, statistic: "kurtosis", mean: kurtosis, ...none, count: this.#study.model.vocabSize },
    ];
  }

  get #notes(): SuffixNotes & { readonly found: Readonly<Record<string, number>> } {
    return this.#study.notes as never;
  }

  #summary(model: Score, alone: readonly Alone[], ensembles: readonly Ensemble[]): Readonly<Record<string, unknown>> {
    const { suffix_tokens, found } = this.#notes;
    const best = (population: (typeof POPULATIONS)[number]) => {
      const [first] = ranked(alone, population);
      if (!first) return null;
      const { layer, neuron } = first.candidate;
      return { layer, neuron, accuracy: shareOf(first.score.test) };
    };
    const largest = (population: (typeof POPULATIONS)[number]) => {
      const last = ensembles.findLast((each) => each.population === population);
      return last ? { k: last.k, accuracy: shareOf(last.score.test) } : null;
    };
    return {
      suffix: this.#study.settings.suffix,
      examples: found,
      suffix_tokens: suffix_tokens.length,
      candidates: { ...this.#found?.found, largest_kurtosis: this.#found?.largestKurtosis ?? null },
      model_accuracy: shareOf(model.test),
      // Chosen on the training part.
      best_neuron: { prediction: best("prediction"), suppression: best("suppression") },
      ensemble: Object.fromEntries(POPULATIONS.map((population) => [population, largest(population)])),
    };
  }
}

/** Of a population, the best on the training part first; of equal ones as they stand among the candidates. */
function ranked(alone: readonly Alone[], population: (typeof POPULATIONS)[number]): Alone[] {
  return alone
    .filter(({ candidate }) => population === "both" || candidate.direction === population)
    .sort((a, b) => shareOf(b.score.train) - shareOf(a.score.train));
}

function shareOf(mean: ClusteredMean): number {
  return mean.finish().mean;
}

function rowsOf(key: ResultRow, { test, train }: Score): ResultRow[] {
  return [
    { ...key, ...meanFields("accuracy", test) },
    { ...key, ...meanFields("train_accuracy", train) },
  ];
}
