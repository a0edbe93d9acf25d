/** Attention of words of many tokens against words of one, added up by text. */
import { ClusteredDifference } from "../../metrics/clustered-difference.ts";
import { ClusteredMean, type Moments, together } from "../../metrics/clustered-mean.ts";
import type { Fold } from "../kind.ts";
import { MEAN_COLUMNS, type ResultRow } from "../result.ts";
import { meanFields } from "../statistics.ts";
import type { Study } from "../study.ts";
import type { Sort } from "./word-contexts.ts";

/** The words of one sort of one text: moments by cell, (layer · heads + head) · offsets + offset − 1. */
export interface TextGroup {
  readonly text: number;
  readonly sort: Sort;
  readonly count: number;
  readonly means: Float64Array;
  /** Σ (x − mean)² */
  readonly m2: Float64Array;
}

export interface AttentionOutput {
  /** By text. */
  readonly groups: readonly TextGroup[];
}

/** A text whose words may go on in the next chunk. [cell] of each sort. */
interface Pending {
  readonly text: number;
  readonly multi: readonly Moments[];
  readonly single: readonly Moments[];
}

/** Heads that the summary ranks. */
const RANKED = 32;
const NONE: Moments = { count: 0, mean: 0, m2: 0 };

export class AttentionFold implements Fold<unknown, AttentionOutput> {
  readonly #study: Study<unknown>;
  readonly #offsets: number;
  readonly #multi: readonly ClusteredMean[];
  readonly #single: readonly ClusteredMean[];
  readonly #differences: readonly ClusteredDifference[];
  /** Of the sums over all offsets, by layer · heads + head. */
  readonly #totals: readonly ClusteredDifference[];
  #pending: Pending | null = null;

  constructor(study: Study<unknown>, offsets: number) {
    const heads = study.model.nLayers * study.model.nHeads;
    const all = Array.from({ length: heads * offsets });
    this.#study = study;
    this.#offsets = offsets;
    this.#multi = all.map(() => new ClusteredMean());
    this.#single = all.map(() => new ClusteredMean());
    this.#differences = all.map(() => new ClusteredDifference());
    this.#totals = Array.from({ length: heads }, () => new ClusteredDifference());
  }

  add({ groups }: AttentionOutput): void {
    for (const { text, sort, count, means, m2 } of groups) {
      if (this.#pending && this.#pending.text !== text) this.#close();
      const none = this.#multi.map(() => NONE);
      const pending = this.#pending ?? { text, multi: none, single: none };
      const added = pending[sort].map((so, cell) => together(so, { count, mean: means[cell] as number, m2: m2[cell] as number }));
      this.#pending = { ...pending, [sort]: added };
    }
  }

  progress(): readonly ResultRow[] {
    return this.#rows().flatMap(({ statistic, std: _, ...row }) =>
      statistic === "attention_difference" ? [{ ...row, statistic }] : [],
    );
  }

  finish() {
    this.#close();
    const { multi, single } = this.#study.notes;
    const heads = this.#totals.map((total, at) => {
      const { difference, sem } = total.finish();
      const means = this.#multi.slice(at * this.#offsets, (at + 1) * this.#offsets).map((each) => each.finish().mean);
      return {
        layer: Math.floor(at / this.#study.model.nHeads),
        head: at % this.#study.model.nHeads,
        total_difference: difference,
        sem,
        // The first token is the one farthest back.
        strongest_to_first: means.lastIndexOf(Math.max(...means)) === means.length - 1,
      };
    });
    const ranked = heads.toSorted((a, b) => b.total_difference - a.total_difference).slice(0, RANKED);
    const columns = [
      { name: "layer", type: "int", description: "" },
      { name: "head", type: "int", description: "" },
      { name: "offset", type: "int", description: "how many tokens before the word's last" },
      ...MEAN_COLUMNS,
    ] as const;
    return { summary: { words: { multi, single }, heads: ranked }, table: { columns, rows: this.#rows() } };
  }

  /** All of a text's words are there. */
  #close(): void {
    const pending = this.#pending;
    if (!pending) return;
    const { multi, single } = pending;
    const add = (to: ClusteredMean | undefined, { count, mean, m2 }: Moments) => to?.add(count, mean, m2);
    for (const [cell, a] of multi.entries()) {
      const b = single[cell] as Moments;
      add(this.#multi[cell], a);
      add(this.#single[cell], b);
      this.#differences[cell]?.add(a, b);
    }
    for (const [head, total] of this.#totals.entries()) total.add(this.#sum(multi, head), this.#sum(single, head));
    this.#pending = null;
  }

  /** The mean of a head's sum over all offsets. */
  #sum(moments: readonly Moments[], head: number): Pick<Moments, "count" | "mean"> {
    const own = moments.slice(head * this.#offsets, (head + 1) * this.#offsets);
    return { count: own[0]?.count ?? 0, mean: own.reduce((sum, { mean }) => sum + mean, 0) };
  }

  #rows(): ResultRow[] {
    return this.#differences.flatMap((each, cell): ResultRow[] => {
      const head = Math.floor(cell / this.#offsets);
      const { nHeads } = this.#study.model;
      const key = { layer: Math.floor(head / nHeads), head: head % nHeads, offset: (cell % this.#offsets) + 1 };
      const { difference, sem, count } = each.finish();
      const known = Number.isFinite(difference) ? difference : null;
      return [
        { ...key, ...meanFields("attention_multi", this.#multi[cell] as ClusteredMean) },
        { ...key, ...meanFields("attention_single", this.#single[cell] as ClusteredMean) },
        { ...key, statistic: "attention_difference", mean: known, std: null, sem, count },
      ];
    });
  }
}
