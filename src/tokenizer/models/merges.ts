import { quote, Unmet } from "../rules/rule.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Which two tokens become one, and which merge goes first: the one of the lowest rank. */
export interface Merges {
  /** The rank of a pair of ids; −1: they do not merge. */
  rankOf(left: number, right: number): number;
  /** The id of what a pair becomes. Throws `Unmet` where that is not in the vocabulary. */
  mergedOf(rank: number): number;
}

/**
 * Reads `merges`, as pairs or as texts with a space between. `prefix`: what the second token begins with and loses. Throws
 * `Unmet` where they are not of the vocabulary. There may be half a million, and a text needs few: what a pair becomes is
 * looked up when it is first made.
 */
export function mergesOf(value: unknown, { ids, tokens }: Vocabulary, prefix: string): Merges {
  if (!Array.isArray(value)) throw new Unmet(`model.merges is ${quote(value)}; an array is expected`);
  const list = typeof value[0] === "string" ? value.filter((line) => !String(line).startsWith("#version")) : value;
  const table = new PairTable(list.length);
  const idOf = (token: string, rank: number): number => {
    const id = ids.get(token);
    if (id === undefined)
      throw new Unmet(`model.merges[${rank}] is ${quote(list[rank])}, and ${quote(token)} is not in the vocabulary`);
    return id;
  };
  for (let rank = 0; rank < list.length; rank++) {
    const pair: unknown = list[rank];
    const [left, right] = typeof pair === "string" ? halves(pair) : Array.isArray(pair) && pair.length === 2 ? pair : [];
    if (typeof left !== "string" || typeof right !== "string")
      throw new Unmet(`model.merges[${rank}] is ${quote(pair)}; two tokens are expected`);
    table.set(idOf(left, rank), idOf(right, rank), rank);
  }
  const merged = new Int32Array(list.length).fill(-1); // −1: not looked up yet
  return {
    rankOf: (left, right) => table.get(left, right),
    mergedOf: (rank) => {
      const known = merged[rank] as number;
      if (known >= 0) return known;
      const [left, right] = table.pair(rank).map((id) => tokens[id] as string) as [string, string];
      const id = ids.get(left + right.slice(prefix.length));
      if (id === undefined)
        throw new Unmet(`model.merges[${rank}] is ${quote([left, right])}, and what it makes is not in the vocabulary`);
      merged[rank] = id;
      return id;
    },
  };
}

/** What stands before and after the one space. */
function halves(pair: string): readonly string[] {
  const at = pair.indexOf(" ");
  return at < 0 || pair.includes(" ", at + 1) ? [] : [pair.slice(0, at), pair.slice(at + 1)];
}

/** Ranks by pairs of ids, in typed arrays: hundreds of thousands of them take some milliseconds and megabytes. */
class PairTable {
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #slots: Int32Array; // rank + 1; 0: free
  readonly #mask: number;

  constructor(count: number) {
    this.#left = new Int32Array(count);
    this.#right = new Int32Array(count);
    this.#mask = 2 ** Math.ceil(Math.log2(2 * count + 2)) - 1;
    this.#slots = new Int32Array(this.#mask + 1);
  }

  get(left: number, right: number): number {
    return (this.#slots[this.#slotOf(left, right)] as number) - 1;
  }

  pair(rank: number): readonly [left: number, right: number] {
    return [this.#left[rank] as number, this.#right[rank] as number];
  }

  /** The last of equal pairs counts. */
  set(left: number, right: number, rank: number): void {
    this.#left[rank] = left;
    this.#right[rank] = right;
    this.#slots[this.#slotOf(left, right)] = rank + 1;
  }

  /** Where the pair is, or would be. */
  #slotOf(left: number, right: number): number {
    const hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    let slot = (hash ^ (hash >>> 15)) & this.#mask;
    for (;;) {
      const rank = (this.#slots[slot] as number) - 1;
      if (rank < 0 || (this.#left[rank] === left && this.#right[rank] === right)) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }
}
