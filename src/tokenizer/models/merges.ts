import { quote, Unmet } from "../rules/rule.ts";
import { ScannedMerges } from "./scanned-merges.ts";
import { halfIds } from "./token-bytes.ts";
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
export function mergesOf(value: unknown, vocabulary: Vocabulary, prefix: string): Merges {
  const { ids, tokens } = vocabulary;
  const table = value instanceof ScannedMerges ? scannedTable(value, vocabulary) : listedTable(value, vocabulary);
  const merged = new Int32Array(table.count).fill(-1); // −1: not looked up yet
  return {
    rankOf: table.get,
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

function scannedTable(merges: ScannedMerges, vocabulary: Vocabulary): PairTable {
  // Older files begin with a comment.
  const skipped = merges.text(0) === "#version:" ? 1 : 0;
  const count = merges.count / 2 - skipped;
  const table = pairTable(count);
  const idOf = halfIds(vocabulary, merges);
  for (let rank = 0; rank < count; rank++) {
    const half = 2 * (rank + skipped);
    const left = idOf(half);
    const right = idOf(half + 1);
    if (left < 0 || right < 0)
      throw unknown(rank, [merges.text(half), merges.text(half + 1)], merges.text(left < 0 ? half : half + 1));
    table.set(left, right, rank);
  }
  return table;
}

function listedTable(value: unknown, { ids }: Vocabulary): PairTable {
  if (!Array.isArray(value)) throw new Unmet(`model.merges is ${quote(value)}; an array is expected`);
  const list = typeof value[0] === "string" ? value.filter((line) => !String(line).startsWith("#version")) : value;
  const table = pairTable(list.length);
  for (let rank = 0; rank < list.length; rank++) {
    const pair: unknown = list[rank];
    const [left, right] = typeof pair === "string" ? halves(pair) : Array.isArray(pair) && pair.length === 2 ? pair : [];
    if (typeof left !== "string" || typeof right !== "string")
      throw new Unmet(`model.merges[${rank}] is ${quote(pair)}; two tokens are expected`);
    const [leftId, rightId] = [ids.get(left), ids.get(right)];
    if (leftId === undefined || rightId === undefined) throw unknown(rank, [left, right], leftId === undefined ? left : right);
    table.set(leftId, rightId, rank);
  }
  return table;
}

function unknown(rank: number, pair: readonly string[], token: string): Unmet {
  return new Unmet(`model.merges[${rank}] is ${quote(pair)}, and ${quote(token)} is not in the vocabulary`);
}

/** What stands before and after the one space. */
function halves(pair: string): readonly string[] {
  const at = pair.indexOf(" ");
  return at < 0 || pair.includes(" ", at + 1) ? [] : [pair.slice(0, at), pair.slice(at + 1)];
}

/** Ranks by pairs of ids, in typed arrays: hundreds of thousands of them take some milliseconds and megabytes. */
interface PairTable {
  /** Merges there are. */
  readonly count: number;
  pair(rank: number): readonly [left: number, right: number];
  /** −1: there is no such pair. */
  get(left: number, right: number): number;
  /** The last of equal pairs counts. */
  set(left: number, right: number, rank: number): void;
}

function pairTable(count: number): PairTable {
  const lefts = new Int32Array(count);
  const rights = new Int32Array(count);
  const mask = 2 ** Math.ceil(Math.log2(2 * count + 2)) - 1;
  const slots = new Int32Array(mask + 1); // rank + 1; 0: free
  /** Where a pair is, or would be. */
  const slotOf = (left: number, right: number): number => {
    const hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const rank = (slots[slot] as number) - 1;
      if (rank < 0 || (lefts[rank] === left && rights[rank] === right)) return slot;
    }
  };
  return {
    count,
    pair: (rank) => [lefts[rank] as number, rights[rank] as number],
    get: (left, right) => (slots[slotOf(left, right)] as number) - 1,
    set: (left, right, rank) => {
      slots[slotOf(left, right)] = rank + 1;
      lefts[rank] = left;
      rights[rank] = right;
    },
  };
}
