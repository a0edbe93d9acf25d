/**
 * Means of components over texts: computed once by runs in the background, kept in memory and as files, and shared by
 * all who ask at the same time.
 */
import { LRUCache } from "lru-cache";
import type { Engine, RunJob, SumRows } from "../engine/protocol.ts";
import { baselineSchedule } from "../engine/schedule.ts";
import { Problem } from "../problem.ts";
import { type MeanTable, meanKey, readMeans, tableBytes, writeMeans } from "./mean-files.ts";
import type { MeanTexts } from "./mean-texts.ts";
import { newRunId } from "./run-id.ts";
import { SharedWork } from "./shared-work.ts";

export interface MeansOptions {
  readonly engine: Engine;
  /** Where they are kept. */
  readonly folder: string;
  /** What kept a file from being written. */
  readonly failed: (error: unknown) => void;
}

/** A model whose means are asked for. */
export interface MeanModel {
  readonly id: string;
  readonly revision: string;
  readonly nLayers: number;
}

/** Means held in memory; one set of a 7-billion-parameter model takes 4 MB. */
const MAX_HELD_BYTES = 128 * 2 ** 20;
/** Texts that run side by side, in shared calls of the engine. */
const TEXTS_AT_ONCE = 8;

export class Means {
  readonly #options: MeansOptions;
  readonly #held = new LRUCache<string, MeanTable>({ maxSize: MAX_HELD_BYTES, sizeCalculation: tableBytes });
  readonly #computing = new SharedWork<MeanTable>("The run was cancelled while it waited for means.");

  constructor(options: MeansOptions) {
    this.#options = options;
  }

  /**
   * Means over the positions from 1 on of all texts, by block and site (`meanKey`). Aborting the signal gives up the wait;
   * the work itself ends when nobody waits for it. Throws `cancelled`, or the problem that the engine had.
   */
  async get(model: MeanModel, texts: MeanTexts, signal: AbortSignal): Promise<MeanTable> {
    const known = this.#held.get(texts.key);
    return known ?? this.#computing.get(texts.key, (stop) => this.#find(model, texts, stop), signal);
  }

  async #find(model: MeanModel, texts: MeanTexts, signal: AbortSignal): Promise<MeanTable> {
    const { folder, failed } = this.#options;
    const kept = await readMeans(folder, texts.key);
    const table = kept ?? (await this.#compute(model, texts, signal));
    this.#held.set(texts.key, table);
    if (!kept) await writeMeans(folder, texts.key, table).catch(failed);
    return table;
  }

  /** Sums are merged in the texts' order, in float64: the result does not depend on what ran beside what. */
  async #compute(model: MeanModel, { tokens }: MeanTexts, signal: AbortSignal): Promise<MeanTable> {
    const sums = new Map<string, Float64Array>();
    for (let from = 0; from < tokens.length; from += TEXTS_AT_ONCE) {
      const batch = tokens.slice(from, from + TEXTS_AT_ONCE);
      for (const rows of await Promise.all(batch.map((text) => this.#sumsOf(model, text, signal)))) {
        for (const { block, site, values } of rows) {
          const key = meanKey(block, site);
          const sum = sums.get(key) ?? new Float64Array(values.length);
          for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number);
          sums.set(key, sum);
        }
      }
    }
    const count = tokens.reduce((sum, { length }) => sum + length - 1, 0);
    return new Map([...sums].map(([key, sum]) => [key, Float32Array.from(sum, (value) => value / count)]));
  }

  async #sumsOf({ id, revision, nLayers }: MeanModel, tokens: readonly number[], signal: AbortSignal): Promise<SumRows[]> {
    const job: RunJob = {
      ...{ id: newRunId(), model: id, revision, tokens, schedules: [baselineSchedule(nLayers)], baseline: 0 },
      readout: { positions: [tokens.length - 1], layers: "final", topK: 1, lens: "standard", targets: [] },
      capture: ["sums"],
      priority: "background",
    };
    const rows: SumRows[] = [];
    for await (const event of this.#options.engine.run(job, signal)) {
      if (event.type === "layer") rows.push(...(event.sums ?? []));
      if (event.type === "error") throw new Problem(event.problem.code, event.problem.detail, event.problem.errors);
    }
    return rows;
  }
}
