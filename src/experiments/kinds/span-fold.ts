/** What probes of all layers add up to. */
import { ClusteredMean, momentsOf } from "../../metrics/clustered-mean.ts";
import type { Fold } from "../kind.ts";
import { type Column, MEAN_COLUMNS, type ResultRow } from "../result.ts";
import { meanFields } from "../statistics.ts";
import type { Study } from "../study.ts";
import type { SpanNotes } from "./span-labels.ts";

/** One layer's probe. */
export interface SpanOutput {
  /** Of each row, by the probe that was not fitted on its text: 1 or 0. */
  readonly correct: Uint8Array;
  /** −ln p(label), in nats. */
  readonly losses: Float64Array;
  /** Fits that did not converge. */
  readonly unconverged: number;
}

const COLUMNS: readonly Column[] = [
  { name: "layer", type: "int", description: "−1: the embedding, then after each block" },
  ...MEAN_COLUMNS,
];

/** Which layer a chunk is of, and which rows belong together. */
interface Scored {
  readonly layer: number;
  readonly groups: Int32Array;
}

export class SpanFold implements Fold<Scored, SpanOutput> {
  readonly #notes: SpanNotes;
  readonly #layers: { readonly layer: number; readonly accuracy: ClusteredMean; readonly loss: ClusteredMean }[] = [];
  #unconverged = 0;

  constructor({ notes }: Pick<Study, "notes">) {
    this.#notes = notes as unknown as SpanNotes;
  }

  add({ correct, losses, unconverged }: SpanOutput, { layer, groups }: Scored): void {
    this.#layers.push({ layer, accuracy: clustered(correct, groups), loss: clustered(losses, groups) });
    this.#unconverged += unconverged;
  }

  progress(): readonly ResultRow[] {
    return this.#rows().filter(({ statistic }) => statistic === "accuracy");
  }

  finish() {
    const { labels, counts } = this.#notes;
    const accuracies = this.#layers.map(({ accuracy }) => accuracy.finish().mean);
    const best = accuracies.indexOf(Math.max(...accuracies));
    const summary = {
      labels,
      rows_by_label: counts,
      accuracy_of_majority: Math.max(...counts) / counts.reduce((sum, count) => sum + count, 0),
      best_layer: this.#layers[best]?.layer ?? null,
      best_accuracy: accuracies[best] ?? null,
      accuracy_by_layer: accuracies,
      unconverged_fits: this.#unconverged,
    };
    return { summary, table: { columns: COLUMNS, rows: this.#rows() } };
  }

  #rows(): ResultRow[] {
    return this.#layers.flatMap(({ layer, accuracy, loss }) => [
      { layer, ...meanFields("accuracy", accuracy) },
      { layer, ...meanFields("loss_nats", loss) },
    ]);
  }
}

/** Rows' values by group, groups in the order of their numbers. */
function clustered(values: ArrayLike<number>, groups: Int32Array): ClusteredMean {
  const byGroup = new Map<number, number[]>();
  for (const [row, group] of groups.entries()) {
    const known = byGroup.get(group);
    if (known) known.push(values[row] as number);
    else byGroup.set(group, [values[row] as number]);
  }
  const mean = new ClusteredMean();
  for (const own of byGroup.values()) {
    const { count, mean: middle, m2 } = momentsOf(own);
    mean.add(count, middle, m2);
  }
  return mean;
}
