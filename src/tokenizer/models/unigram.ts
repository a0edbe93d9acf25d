/** SentencePiece's unigram model: the tokens whose scores, log-probabilities, have the highest sum. */
import { flagOf, onlyWith, quote, type Rule, Unmet, unmet } from "../rules/rule.ts";
import { byteFallbacks, type Model } from "./vocabulary.ts";

/** How much less an unknown character scores than the least of tokens, in nats. */
const UNKNOWN_PENALTY = 10;

interface Node {
  id: number; // −1: no token ends here
  readonly next: Map<number, Node>;
}

/** The best way to end at a position: the last token, and where it begins (−1: none found yet). */
interface Ending {
  id: number;
  score: number;
  start: number;
}

export function unigram(rule: Rule): Model {
  onlyWith(rule, "vocab", "unk_id", "byte_fallback");
  const { vocab, unk_id: unknown } = rule.options;
  if (!Array.isArray(vocab)) throw new Unmet(`model.vocab is ${quote(vocab)}; an array of tokens and scores is expected`);
  if (!Number.isSafeInteger(unknown) || (unknown as number) < 0 || (unknown as number) >= vocab.length)
    throw unmet(rule, "unk_id");
  const fallsBack = flagOf(rule, "byte_fallback", false);
  const scores: number[] = [];
  const ids = new Map<string, number>();
  const tokens: string[] = [];
  const root: Node = { id: -1, next: new Map() };
  for (const entry of vocab) {
    const [token, score] = Array.isArray(entry) ? entry : [];
    if (typeof token !== "string" || typeof score !== "number")
      throw new Unmet(`model.vocab has ${quote(entry)}; a token and its score are expected`);
    ids.set(token, scores.length);
    tokens.push(token);
    if (token !== "") plant(root, token, scores.length);
    scores.push(score);
  }
  const vocabulary = { ids, tokens };
  const leastScore = scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
  const unknownId = unknown as number;
  return {
    vocabulary,
    encode: (word, made) => {
      for (const piece of best(word, root, scores, leastScore, unknownId)) {
        const id = ids.get(piece);
        if (id !== undefined) made.push(id);
        else made.push(...((fallsBack && byteFallbacks(piece, vocabulary)) || [unknownId]));
      }
    },
  };
}

function plant(root: Node, token: string, id: number): void {
  let node = root;
  for (const char of token) {
    const code = char.codePointAt(0) as number;
    let child = node.next.get(code);
    if (!child) {
      child = { id: -1, next: new Map() };
      node.next.set(code, child);
    }
    node = child;
  }
  node.id = id;
}

/** The pieces of the best way through a word; unknown ones that stand together are one. */
function best(word: string, root: Node, scores: readonly number[], unknownScore: number, unknown: number): string[] {
  const chars = Array.from(word);
  const endings: Ending[] = Array.from({ length: chars.length + 1 }, () => ({ id: 0, score: 0, start: -1 }));
  const offer = (start: number, end: number, id: number, score: number): void => {
    const ending = endings[end] as Ending;
    const total = score + (endings[start] as Ending).score;
    if (ending.start < 0 || total > ending.score) Object.assign(ending, { id, score: total, start });
  };
  for (let start = 0; start < chars.length; start++) {
    let single = false;
    let node: Node | undefined = root;
    for (let end = start; end < chars.length; ) {
      node = node.next.get((chars[end] as string).codePointAt(0) as number);
      if (!node) break;
      end++;
      if (node.id < 0) continue;
      offer(start, end, node.id, scores[node.id] as number);
      single ||= end === start + 1;
    }
    if (!single) offer(start, start + 1, unknown, unknownScore);
  }
  const pieces: string[] = [];
  let fused = "";
  for (let end = chars.length; end > 0; ) {
    const { id, start } = endings[end] as Ending;
    const piece = chars.slice(start, end).join("");
    if (id === unknown) fused = piece + fused;
    else {
      if (fused) pieces.push(fused);
      fused = "";
      pieces.push(piece);
    }
    end = start;
  }
  if (fused) pieces.push(fused);
  return pieces.reverse();
}
