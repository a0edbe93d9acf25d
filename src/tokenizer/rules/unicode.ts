/**
 * Character classes as the `tokenizers` package knows them. Its regular expressions are of Unicode 16, some of its other parts of
 * Unicode 8 and 9, while a JavaScript engine has a version of its own: so they are written out, and not left to the engine.
 */
import { ALPHABETIC, CATEGORY_LETTERS, CATEGORY_RUNS } from "./unicode-data.ts";

/** Characters, as the inside of a `v` class: `a-z\u{aa}`. */
export type Members = string;

type Range = readonly [first: number, last: number];

/** A range for each run of a list of `unicode-data.ts`. */
export function membersOf(ranges: string): Members {
  const numbers = ranges.split(" ").map((number) => Number.parseInt(number, 36));
  const made: Range[] = [];
  for (let i = 0, at = 0; i + 1 < numbers.length; i += 2) {
    const first = at + (numbers[i] as number);
    at = first + (numbers[i + 1] as number);
    made.push([first, at - 1]);
  }
  return written(made);
}

const categories = new Map<string, Members>();

/** Of a general category: `Lu`, or all that begin with `L`. null: there is none. */
export function category(name: string): Members | null {
  const known = categories.get(name);
  if (known !== undefined) return known;
  const letters = Object.entries(CATEGORY_LETTERS).flatMap(([short, letter]) => (short.startsWith(name) ? [letter] : []));
  if (letters.length === 0) return null;
  const made: Range[] = [];
  let at = 0;
  for (const [, length, letter] of CATEGORY_RUNS.matchAll(/([0-9a-z]*)([A-Z!$%])/g)) {
    const end = at + (length ? Number.parseInt(length, 36) : 1);
    const last = made.at(-1);
    if (letters.includes(letter as string)) {
      if (last && last[1] === at - 1) made[made.length - 1] = [last[0], end - 1];
      else made.push([at, end - 1]);
    }
    at = end;
  }
  const members = written(made);
  categories.set(name, members);
  return members;
}

export const WHITE_SPACE: Members =
  "\\t-\\r \\u{85}\\u{a0}\\u{1680}\\u{2000}-\\u{200a}\\u{2028}\\u{2029}\\u{202f}\\u{205f}\\u{3000}";

/** What `\w` matches in a class. */
export function wordMembers(): Members {
  return `${membersOf(ALPHABETIC)}${category("M")}${category("Nd")}${category("Pc")}`;
}

/** What its `NFC` and the like know nothing of, with Unicode 9: no decomposition, no composition, no order among marks. */
export function unnormalized(): Members {
  return `${category("Cn")}${UNNORMALIZED.replace(/[0-9a-f]+/g, "\\u{$&}").replaceAll(" ", "")}`;
}

const UNNORMALIZED =
  "7fd 897-89f 8ca-8d3 9fe c3c d3b-d3c eba 1715 1abf-1ace 1df6-1dfa 32ff a7f2-a7f4 a82c ab69 105c9 105d2 105da 105e4 10781-10785 10787-107b0 107b2-107ba 10d24-10d27 10d69-10d6d 10eab-10eac 10efd-10eff 10f46-10f50 10f82-10f85 11070 1133b 11382-11385 1138b 1138e 11390-11391 113b8 113bb 113c2 113c5 113c7-113c9 113ce-113d0 1145e 11839-1183a 11930 11935 11938 1193d-1193e 11943 119e0 11a34 11a47 11a99 11d42 11d44-11d45 11d97 11f41-11f42 1611e-16129 1612f 16d63 16d67-16d6a 16ff0-16ff1 1ccd6-1ccf9 1e030-1e06d 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1e5ee-1e5ef 1f16c 1fbf0-1fbf9";

function written(ranges: readonly Range[]): Members {
  const point = (code: number) => `\\u{${code.toString(16)}}`;
  return ranges.map(([first, last]) => (last > first ? `${point(first)}-${point(last)}` : point(first))).join("");
}
