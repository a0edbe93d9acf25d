import { baselineSchedule } from "../../engine/schedule.ts";
import { HsicSums } from "../../metrics/similarity.ts";
import type { SettingsOf } from "../../schemas/experiments/settings.ts";
import { longestOf, planOfTexts, type TextsInput } from "../chunks.ts";
import type { Fold, Kind } from "../kind.ts";
import type { LabJob } from "../lab.ts";
import { type Column, MEAN_COLUMNS, type ResultRow } from "../result.ts";
import type { Study } from "../study.ts";

type Settings = SettingsOf<"cka">;

/** Texts whose HSIC terms are taken together (Nguyen, Raghu and Kornblith, arXiv 2010.15327). */
const BATCH_TEXTS = 128;
/** The estimator divides by n − 3: a batch of fewer texts says nothing. */
const FEWEST_TEXTS = 4;

const COLUMNS: readonly Column[] = [
  { name: "layer", type: "int", description: "−1: the embedding, then after each block" },
  { name: "other_layer", type: "int", description: "likewise" },
  ...MEAN_COLUMNS,
];

interface Output {
  /** The streams at each text's last token: [text, L + 1, d] */
  readonly residuals: Float32Array;
}

/**
 * How alike the layers' representations are: unbiased linear CKA between the residual streams at the last token of each
 * text, the embedding's and after every block, from HSIC terms summed over batches of 128 texts in the texts' order.
 * Fewer than 4 texts left over at the end are left out. `count` says how many texts are in.
 */
export const cka: Kind<Settings, TextsInput, Output> = {
  name: "cka",
  plan: async ({ material }) => planOfTexts(await material.cut()),
  jobs: (study, { texts }) => [jobOf(study, longestOf(texts))],
  async compute(study, { texts }, lab) {
    const outputs = await lab.all(texts, (text) => lab.run(jobOf(study, text)));
    const d = study.model.dModel;
    const layers = study.model.nLayers + 1;
    const residuals = new Float32Array(texts.length * layers * d);
    for (const [text, output] of outputs.entries())
      for (const { step, residual } of output.layers) residuals.set(residual as Float32Array, (text * layers + step) * d);
    return { residuals };
  },
  fold: (study) => new CkaFold(study),
};

function jobOf({ model }: Study<Settings>, text: Int32Array): LabJob {
  return {
    tokens: [...text],
    schedules: [baselineSchedule(model.nLayers)],
    baseline: null,
    capture: ["residuals"],
    readout: {},
  };
}

/** Gathers batches, whatever the chunks are; holds one batch's streams, and sums of what came before. */
class CkaFold implements Fold<TextsInput, Output> {
  readonly #layers: number;
  readonly #d: number;
  readonly #sums = new HsicSums();
  /** Of each layer [texts of a batch, d], filled from the front. */
  readonly #batch: readonly Float32Array[];
  #waiting = 0;
  #counted = 0;

  constructor({ model, data }: Study<Settings>) {
    const texts = Math.min(BATCH_TEXTS, data?.texts ?? BATCH_TEXTS);
    this.#layers = model.nLayers + 1;
    this.#d = model.dModel;
    this.#batch = Array.from({ length: this.#layers }, () => new Float32Array(texts * model.dModel));
  }

  add({ residuals }: Output): void {
    const d = this.#d;
    for (let at = 0; at < residuals.length; at += this.#layers * d) {
      for (const [layer, values] of this.#batch.entries())
        values.set(residuals.subarray(at + layer * d, at + (layer + 1) * d), this.#waiting * d);
      if (++this.#waiting === BATCH_TEXTS) this.#close();
    }
  }

  /** Of the batches that are full. */
  progress(): readonly ResultRow[] {
    return this.#counted === 0 ? [] : this.#rows().map(({ std: _, sem: _sem, ...row }) => row);
  }

  finish() {
    if (this.#waiting > 0) this.#close();
    const rows = this.#rows();
    const neighbours = rows.filter(({ layer, other_layer }) => other_layer === (layer as number) + 1).map(({ mean }) => mean);
    return { summary: { cka_of_neighbours: neighbours, texts: this.#counted }, table: { columns: COLUMNS, rows } };
  }

  #close(): void {
    const n = this.#waiting;
    this.#waiting = 0;
    this.#sums.add(
      this.#batch.map((values) => values.subarray(0, n * this.#d)),
      n,
      this.#d,
    );
    if (n >= FEWEST_TEXTS) this.#counted += n;
  }

  #rows(): ResultRow[] {
    const count = this.#counted;
    return this.#sums
      .finish()
      .flatMap((row, a) =>
        row.map((mean, b) => ({ layer: a - 1, other_layer: b - 1, statistic: "cka", mean, std: null, sem: null, count })),
      );
  }
}
