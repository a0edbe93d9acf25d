/**
 * Rows that wait for a block, and the choice of the next call. Interactive runs first, and of them the lowest block: those
 * behind catch up. Background runs fill calls: of the blocks that have rows for a whole call the highest, which ends what
 * was begun; else the lowest, where most is still to come together.
 */
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
 * How long an interactive run may be passed over because others wait for lower blocks: one that repeats an early block
 * many times would otherwise hold up all that stand behind it. Rows of one run never hurry each other.
 */
export const PATIENCE_MS = 25;
/** The same of background runs, in calls: any of them may take longer than people wait, and full ones are worth waiting for. */
export const PATIENCE_CALLS = 16;

export class ReadyRows {
  readonly #interactive = new Map<number, ReadyRow[]>();
  readonly #background = new Map<number, ReadyRow[]>();
  /** Calls so far, and at which of them a background run was last served, or came. */
  #calls = 0;
  readonly #servedAt = new WeakMap<Run, number>();
  #count = 0;

  /** Rows that wait, cancelled ones included until they are come upon. */
  get count(): number {
    return this.#count;
  }

  push(row: ReadyRow): void {
    const queue = row.run.job.priority === "interactive" ? this.#interactive : this.#background;
    if (!this.#servedAt.has(row.run)) this.#servedAt.set(row.run, this.#calls);
    const waiting = queue.get(row.use.block);
    if (waiting) waiting.push(row);
    else queue.set(row.use.block, [row]);
    this.#count++;
  }

  has(priority: "interactive" | "background"): boolean {
    return (priority === "interactive" ? this.#interactive : this.#background).size > 0;
  }

  /**
   * Takes the rows of the next call. `budget`: positions a call may compute; interactive rows that do not fit into one
   * call are spread evenly over several, and background rows of their block go along where they at most double it. One
   * row is always taken. A run that was passed over for too long goes first.
   */
  take(budget: number, now = performance.now()): Batch | null {
    const block = this.#nextInteractive(now) ?? this.#nextBackground(budget);
    if (block === null) return null;
    const interactive = byLength(this.#interactive.get(block));
    const background = byLength(this.#background.get(block));
    const call = new Call();
    call.add(interactive, evenShare(interactive, budget));
    call.add(background, call.rows.length > 0 ? Math.min(budget, 2 * call.cost) : budget);
    const rows = call.rows;
    const taken = new Set(rows);
    for (const queue of [this.#interactive, this.#background]) {
      const rest = queue.get(block)?.filter((row) => !taken.has(row)) ?? [];
      if (rest.length > 0) queue.set(block, rest);
      else queue.delete(block);
    }
    this.#count -= rows.length;
    this.#calls++;
    for (const { run } of rows) this.#servedAt.set(run, this.#calls);
    return { block, rows };
  }

  #nextInteractive(now: number): number | null {
    return starved(this.#interactive, now - PATIENCE_MS, ({ servedAt }) => servedAt) ?? lowest(this.#interactive);
  }

  #nextBackground(budget: number): number | null {
    const servedAt = (run: Run) => this.#servedAt.get(run) as number;
    return (
      starved(this.#background, this.#calls - PATIENCE_CALLS, servedAt) ??
      highestFull(this.#background, budget) ??
      lowest(this.#background)
    );
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
}

type Queue = ReadonlyMap<number, readonly ReadyRow[]>;

function lowest(queue: Queue): number | null {
  return queue.size > 0 ? Math.min(...queue.keys()) : null;
}

/** The highest block whose rows fill a call. */
function highestFull(queue: Queue, budget: number): number | null {
  let highest: number | null = null;
  for (const [block, rows] of queue) {
    if (highest !== null && block < highest) continue;
    if (rows.reduce((sum, row) => sum + costOf(row), 0) >= budget) highest = block;
  }
  return highest;
}

/** The lowest block of the run that was passed over for longest, if it was last served before `since`. */
function starved(queue: Queue, since: number, servedAt: (run: Run) => number): number | null {
  let oldest = since;
  let block: number | null = null;
  for (const [each, waiting] of queue) {
    for (const { run } of waiting) {
      const served = servedAt(run);
      if (served < oldest || (served === oldest && block !== null && each < block)) {
        oldest = served;
        block = each;
      }
    }
  }
  return block;
}

/** Rows of one call, and the positions that it computes, padding included. */
class Call {
  readonly rows: ReadyRow[] = [];
  #longest = 0;
  #live = 0;

  get cost(): number {
    return EVERYWHERE * this.rows.length * this.#longest + LIVE * this.#live;
  }

  /** Adds rows in their order as long as they fit; the very first fits always. */
  add(waiting: readonly ReadyRow[], limit: number): void {
    for (const row of waiting) {
      const longest = Math.max(this.#longest, row.length);
      const live = this.#live + (row.live?.length ?? row.length);
      if (this.rows.length > 0 && EVERYWHERE * (this.rows.length + 1) * longest + LIVE * live > limit) return;
      this.rows.push(row);
      this.#longest = longest;
      this.#live = live;
    }
  }
}

/** Positions that a row counts for in a call's budget, padding apart. */
function costOf({ length, live }: ReadyRow): number {
  return EVERYWHERE * length + LIVE * (live?.length ?? length);
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
    const cost = costOf(row);
    total += cost;
    largest = Math.max(largest, cost);
  }
  const calls = Math.ceil(total / budget);
  return calls <= 1 ? budget : total / calls + largest / 2;
}
