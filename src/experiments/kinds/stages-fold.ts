/** Signals of every layer, added up by text, and what segmentations of the depth make of them. */
import { ClusteredMean } from "../../metrics/clustered-mean.ts";
import {
  type BoundaryInterval,
  boundaryResamples,
  permutations,
  type Signals,
  segmentations,
} from "../../metrics/segmentation.ts";
import type { TextsInput } from "../chunks.ts";
import type { Fold } from "../kind.ts";
import { MEAN_COLUMNS, type ResultRow } from "../result.ts";
import { meanFields } from "../statistics.ts";
import type { Study } from "../study.ts";
import { inTurns } from "../turns.ts";
import { neuronCensus } from "./neuron-census.ts";
import { evidenceOf } from "./stage-evidence.ts";
import { CENSUS_SIGNALS, censusStudy, type Settings, TEXT_SIGNALS } from "./stage-signals.ts";

type CensusFold = ReturnType<typeof neuronCensus.fold>;
type LayerOutput = Parameters<CensusFold["add"]>[0];
type LayerInput = Parameters<CensusFold["add"]>[1];

export type StagesInput = TextsInput | LayerInput;
/** `signals`: [text, layer, signal, (count, mean, m2)]. */
export type StagesOutput = { readonly signals: Float64Array } | { readonly census: LayerOutput };

/** Stages of the paper. */
const PARTS = 4;
const SIGNIFICANT = 0.05;
const SHOWN = ["deletion_kl_nats", "lens_kl_nats"];
/** What the verdict is worth. */
const TEST = "four parts explain more of the layers in their order than in random ones; what changes smoothly passes too";

export class StagesFold implements Fold<StagesInput, StagesOutput> {
  readonly #study: Study<Settings>;
  readonly #census: CensusFold;
  /** [layer · signals + signal] */
  readonly #means: readonly ClusteredMean[];
  /** Each text's own means, for the bootstrap. */
  readonly #texts: Float64Array[] = [];
  /** Of how many observations they are; null: all texts have as many. */
  readonly #counts: Float64Array[] | null;

  constructor(study: Study<Settings>) {
    this.#study = study;
    this.#counts = study.tokensPerText === null ? [] : null;
    this.#census = neuronCensus.fold(censusStudy(study));
    this.#means = Array.from({ length: study.model.nLayers * TEXT_SIGNALS.length }, () => new ClusteredMean());
  }

  add(output: StagesOutput, input: StagesInput): void {
    if ("census" in output) this.#census.add(output.census, input as LayerInput);
    else this.#addTexts(output.signals);
  }

  #addTexts(signals: Float64Array): void {
    const width = this.#means.length;
    for (let text = 0; text < signals.length / (width * 3); text++) {
      const means = new Float64Array(width);
      const counts = new Float64Array(width);
      for (const [at, mean] of this.#means.entries()) {
        const from = (text * width + at) * 3;
        const [count, own, m2] = signals.subarray(from, from + 3) as unknown as [number, number, number];
        mean.add(count, own, m2);
        means[at] = own;
        counts[at] = count;
      }
      this.#texts.push(means);
      this.#counts?.push(counts);
    }
  }

  progress(): readonly ResultRow[] {
    return this.#textRows().flatMap(({ std: _, ...row }) => (SHOWN.includes(row.statistic as string) ? [row] : []));
  }

  async finish() {
    const rows = [...this.#textRows(), ...(await this.#censusRows())];
    const { nLayers } = this.#study.model;
    const names = [...new Set(rows.map(({ statistic }) => statistic as string))];
    const all = new Map(names.map((name) => [name, curveOf(rows, name, nLayers)]));
    // One with a gap (a norm of 0 to divide by) cannot be compared over the depth.
    const curves = new Map([...all].filter(([, curve]) => curve.every((value) => Number.isFinite(value))));
    const leftOut = [...all].flatMap(([signal, [first, ...rest]]) => {
      if (!curves.has(signal)) return [{ signal, reason: "has no value in some layer" }];
      return rest.every((value) => value === first) ? [{ signal, reason: "is the same in every layer" }] : [];
    });
    const used = [...curves.keys()].filter((name) => leftOut.every(({ signal }) => signal !== name));
    const sorted = rows.sort((a, b) => (a.layer as number) - (b.layer as number));
    const columns = [{ name: "layer", type: "int", description: "" }, ...MEAN_COLUMNS] as const;
    const summary = {
      lens: this.#study.settings.lens,
      signals: used,
      signals_left_out: leftOut,
      segmentation: await this.#segmentation(used, curves),
    };
    return { summary, table: { columns, rows: sorted } };
  }

  async #segmentation(used: readonly string[], curves: ReadonlyMap<string, readonly number[]>) {
    const { nLayers } = this.#study.model;
    const { max_parts, permutations: orders, resamples, lens } = this.#study.settings;
    const { seed } = this.#study;
    const signals = Array.from({ length: nLayers }, (_, layer) => used.map((name) => curves.get(name)?.[layer] as number));
    const found = segmentations(signals, max_parts);
    const explained = found.map((each) => each?.explained ?? null);
    const four = found[PARTS - 1];
    const none = { supported: false, verdict: "not supported", parts: PARTS, test: TEST, lens, p_value: null, explained: null };
    if (!four)
      return {
        ...none,
        reason: `${nLayers} layers cannot be divided into ${PARTS} parts`,
        explained_by_parts: explained,
        boundaries: [],
      };
    const test = await inTurns(permutations(signals, PARTS, { seed, repeats: orders }));
    const { texts, counts } = this.#bootstrapped(used, curves);
    const intervals = await inTurns(boundaryResamples(texts, PARTS, { seed, repeats: resamples }, counts));
    const supported = test !== null && test.p < SIGNIFICANT;
    // The metric names the first layer after a boundary.
    const after = four.boundaries.map((first) => first - 1);
    const evidence = evidenceOf(after, curves, nLayers);
    return {
      ...none,
      supported,
      verdict: supported ? "supported" : "not supported",
      p_value: test?.p ?? null,
      explained: four.explained,
      explained_by_parts: explained,
      boundaries: after.map((layer, i) => ({
        after_layer: layer,
        low: intervals ? (intervals[i] as BoundaryInterval).low - 1 : null,
        high: intervals ? (intervals[i] as BoundaryInterval).high - 1 : null,
        evidence: evidence[i],
      })),
    };
  }

  /** Every text's signals of every layer, and of how many observations they are; those of the weights are the same in each. */
  #bootstrapped(used: readonly string[], curves: ReadonlyMap<string, readonly number[]>) {
    const width = TEXT_SIGNALS.length;
    const columns = used.map((name) => TEXT_SIGNALS.indexOf(name));
    const tabled = (own: Float64Array, ofWeights: (name: string, layer: number) => number): Signals =>
      Array.from({ length: this.#study.model.nLayers }, (_, layer) =>
        columns.map((column, i) => (column < 0 ? ofWeights(used[i] as string, layer) : (own[layer * width + column] as number))),
      );
    return {
      texts: this.#texts.map((means) => tabled(means, (name, layer) => curves.get(name)?.[layer] as number)),
      counts: this.#counts?.map((counts) => tabled(counts, () => 1)),
    };
  }

  #textRows(): ResultRow[] {
    return this.#means.map((mean, at) => {
      const statistic = TEXT_SIGNALS[at % TEXT_SIGNALS.length] as string;
      return { layer: Math.floor(at / TEXT_SIGNALS.length), ...meanFields(statistic, mean) };
    });
  }

  async #censusRows(): Promise<ResultRow[]> {
    const { table } = await this.#census.finish();
    return table.rows.filter(({ statistic }) => CENSUS_SIGNALS.includes(statistic as never));
  }
}

/** NaN where a layer has no value. */
function curveOf(rows: readonly ResultRow[], statistic: string, layers: number): number[] {
  const curve = new Array<number>(layers).fill(Number.NaN);
  for (const row of rows) if (row.statistic === statistic) curve[row.layer as number] = (row.mean as number | null) ?? Number.NaN;
  return curve;
}
