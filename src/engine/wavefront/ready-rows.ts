/** Rows that wait for a block, and the choice of the next call: the lowest block, interactive runs first. */
import type { BlockRow, BlockRowResult } from "../backend/backend.ts";
import type { Run } from "./run.ts";

/** One block of one step of one run: its input is at hand, and held for it. */
export interface ReadyRow extends BlockRow {
  readonly run: Run;
  complete(result: BlockRowResult): void | Promise<void>;
}

export interface Batch {
  readonly block: number;
  readonly rows: readonly ReadyRow[];
}

/** Share of a block's work that is done at every position (queries, keys, values), and at live positions only. */
const EVERYWHERE = 0.25;
const LIVE = 0.75;

/**
 * How long a run may be passed over because others wait for lower blocks: one that repeats an early block many times
 * would otherwise hold up all that stand behind it. Rows of one run never hurry each other.
 */
export const PATIENCE_MS = 25;

export class ReadyRows {
  readonly #interactive = new Map<number, ReadyRow[]>();
  readonly #background = new Map<number, ReadyRow[]>();
  #count = 0;

  /** Rows that wait, cancelled ones included until they are come upon. */
  get count(): number {
    return this.#count;
  }

  push(row: ReadyRow): void {
    const queue = row.run.job.priority === "interactive" ? this.#interactive : this.#background;
    const waiting = queue.get(row.use.block);
    if (waiting) waiting.push(row);
    else queue.set(row.use.block, [row]);
    this.#count++;
  }

  has(priority: "interactive" | "background"): boolean {
    return this.#lowest(priority === "interactive" ? this.#interactive : this.#background) !== null;
  }

  /**
   * Takes the rows of the next call: those of the lowest block that interactive rows wait for (else background
   * rows), background rows of the same block in the places left. `budget`: positions a call may compute; rows that
   * do not fit into one call are spread evenly over several. One row is always taken. A run that was passed over for
   * too long goes first.
   */
  take(budget: number, now = performance.now()): Batch | null {
    const starved =
      this.#starved(this.#interactive, now) ?? (this.#interactive.size > 0 ? null : this.#starved(this.#background, now));
    const block = starved ?? this.#lowest(this.#interactive) ?? this.#lowest(this.#background);
    if (block === null) return null;
    const waiting = [...byLength(this.#interactive.get(block)), ...byLength(this.#background.get(block))];
    const limit = evenShare(waiting, budget);
    const rows: ReadyRow[] = [];
    let longest = 0;
    let live = 0;
    for (const row of waiting) {
      const nextLongest = Math.max(longest, row.length);
      const nextLive = live + (row.live?.length ?? row.length);
      if (rows.length > 0 && EVERYWHERE * (rows.length + 1) * nextLongest + LIVE * nextLive > limit) break;
      rows.push(row);
      longest = nextLongest;
      live = nextLive;
    }
    const taken = new Set(rows);
    for (const queue of [this.#interactive, this.#background]) {
      const rest = queue.get(block)?.filter((row) => !taken.has(row)) ?? [];
      if (rest.length > 0) queue.set(block, rest);
      else queue.delete(block);
    }
    this.#count -= rows.length;
    return { block, rows };
  }

  /** The lowest block of the run that was passed over for longest, if that is too long. */
  #starved(queue: Map<number, ReadyRow[]>, now: number): number | null {
    let oldest = now - PATIENCE_MS;
    let block: number | null = null;
    for (const [each, waiting] of queue) {
      for (const { run } of waiting) {
        if (run.servedAt < oldest || (run.servedAt === oldest && block !== null && each < block)) {
          oldest = run.servedAt;
          block = each;
        }
      }
    }
    return block;
  }

  /** Forgets the rows of a run. */
  drop(run: Run): void {
    for (const queue of [this.#interactive, this.#background]) {
      for (const [block, waiting] of queue) {
        const rest = waiting.filter((row) => row.run !== run);
        this.#count -= waiting.length - rest.length;
        if (rest.length > 0) queue.set(block, rest);
        else queue.delete(block);
      }
    }
  }

  #lowest(queue: Map<number, ReadyRow[]>): number | null {
    let lowest: number | null = null;
    for (const block of queue.keys()) if (lowest === null || block < lowest) lowest = block;
    return lowest;
  }
}

/** Rows of one length beside each other: little padding, and streams of one buffer stay neighbours. */
function byLength(rows: readonly ReadyRow[] | undefined): ReadyRow[] {
  return rows ? [...rows].sort((a, b) => b.length - a.length) : [];
}

/** The budget, or less: as many calls as the rows need, each with the same share. */
function evenShare(rows: readonly ReadyRow[], budget: number): number {
  let total = 0;
  let largest = 0;
  for (const row of rows) {
    const cost = EVERYWHERE * row.length + LIVE * (row.live?.length ?? row.length);
    total += cost;
    largest = Math.max(largest, cost);
  }
  const calls = Math.ceil(total / budget);
  return calls <= 1 ? budget : total / calls + largest / 2;
}
