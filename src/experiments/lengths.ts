/** How long an experiment's texts are: all as long as each other, or each as long as it is; and refusals of other lengths. */
import { refuse } from "../runs/tokens.ts";

/** Tokens of the shortest text, of the longest, and of all together, BOS included. */
export interface Lengths {
  readonly least: number;
  readonly most: number;
  readonly all: number;
}

/** Texts as the model reads them. */
export interface CutTexts {
  /** Token ids, BOS included. */
  readonly tokens: readonly Int32Array[];
  /** Tokens of every text; null: they have lengths of their own, as `short_texts: "keep"` lets them. */
  readonly tokensPerText: number | null;
  readonly lengths: Lengths;
}

/** A text that is not as long as was asked: its number, and its tokens, BOS included. */
export interface ShortText {
  readonly index: number;
  readonly length: number;
}

/** Of a text: a token, and one that is predicted from it. */
export const SHORTEST_TEXT = 2;
/** Texts that an error names. */
const NAMED = 8;

/** At least one text, with what is known of their lengths. */
export function withLengths(tokens: readonly Int32Array[]): CutTexts {
  const lengths = tokens.reduce(
    ({ least, most, all }, { length }) => ({
      least: Math.min(least, length),
      most: Math.max(most, length),
      all: all + length,
    }),
    { least: Number.POSITIVE_INFINITY, most: 0, all: 0 },
  );
  return { tokens, tokensPerText: lengths.least === lengths.most ? lengths.most : null, lengths };
}

/** Refuses texts shorter than all are to be, by number, saying what can be asked instead. */
export function refuseShort(short: readonly ShortText[], least: number, of: number): never {
  const named = short.slice(0, NAMED).map(({ index, length }) => `${index} (${length})`);
  const more = short.length > NAMED ? ` and ${short.length - NAMED} more` : "";
  return refuse(
    "/tokens_per_text",
    `${short.length} of ${of} texts have fewer than ${least} tokens (BOS included): ${named.join(", ")}${more}. ` +
      'Ask for fewer tokens_per_text, pass over them with "short_texts": "skip", or take each as long as it is with "short_texts": "keep"',
  );
}

/** Refuses texts of unequal lengths where nobody said what becomes of them. `most`: what longer ones are cut to. */
export function refuseUnequal(tokens: readonly Int32Array[], { least, most }: Lengths): never {
  const shortest = tokens.findIndex(({ length }) => length === least);
  return refuse(
    "/tokens_per_text",
    `the texts have from ${least} (text ${shortest}) to ${most} tokens (BOS included), and all are to be equally long. ` +
      `Ask for tokens_per_text of ${least} or fewer, pass over shorter ones with "short_texts": "skip", or take each as long as it is with "short_texts": "keep"`,
  );
}

/** Refuses a text that nothing can be read off. */
export function refuseTiny({ index, length }: ShortText, pointer: string): never {
  return refuse(
    pointer,
    `text ${index} has ${length} ${length === 1 ? "token" : "tokens"} (BOS included), fewer than the least allowed, ${SHORTEST_TEXT}`,
  );
}
