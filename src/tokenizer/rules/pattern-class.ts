import { escapeOf, foldedLetter, literal, type Translated } from "./pattern-escape.ts";
import { Unmet } from "./rule.ts";
import { WHITE_SPACE } from "./unicode.ts";

/** The class that begins at `at`, with classes in it and `&&`. Throws `Unmet` for what is not known. */
export function classOf(source: string, at: number, anyCase: boolean): Translated {
  let position = at + 1;
  const negated = source[position] === "^";
  if (negated) position++;
  if (source[position] === "]") throw new Unmet(`"]" first in a class, at ${position}, is not known`);
  const operands: string[][] = [[]];
  let last: string | null = null; // the character before, which a range may begin with
  for (;;) {
    const code = source.codePointAt(position);
    if (code === undefined) throw new Unmet("a class is not closed");
    const char = String.fromCodePoint(code);
    const members = operands.at(-1) as string[];
    if (char === "]") break;
    if (source.startsWith("&&", position)) {
      operands.push([]);
      last = null;
      position += 2;
    } else if (char === "[") {
      const named = /^\[:\^?\w*:\]/.exec(source.slice(position, position + 20))?.[0];
      if (named) throw new Unmet(`${named} is not known`);
      const inner = classOf(source, position, anyCase);
      members.push(inner.text);
      last = null;
      position = inner.end;
    } else if (char === "-" && last !== null && source[position + 1] !== "]") {
      const to = memberAt(source, position + 1);
      if (to.char === null || to.char < last) throw new Unmet(`the range that ends at ${to.end} in a class is not known`);
      members.push(range(last, to.char, anyCase));
      last = null;
      position = to.end;
    } else {
      // A hyphen stands for itself only where no range can be meant.
      if (char === "-" && source[position + 1] !== "]" && members.length > 0)
        throw new Unmet(`"-" at ${position} in a class is not known`);
      const member = memberAt(source, position);
      members.push(member.char === null ? set(member, anyCase) : range(member.char, member.char, anyCase));
      last = member.char;
      position = member.end;
    }
  }
  const sets = operands.map((members) => `[${members.join("")}]`);
  const inside = sets.length === 1 ? (operands[0] as string[]).join("") : sets.join("&&");
  if (operands.some((members) => members.length === 0)) throw new Unmet("an empty class is not known");
  return { text: `[${negated ? "^" : ""}${inside}]`, end: position + 1 };
}

interface Member extends Translated {
  /** null: a set of characters. */
  readonly char: string | null;
}

function memberAt(source: string, at: number): Member {
  if (source[at] !== "\\") {
    const char = String.fromCodePoint(source.codePointAt(at) ?? 0);
    if (char === "[") throw new Unmet(`the range to "[" at ${at} is not known`);
    return { text: literal(char), char, end: at + char.length };
  }
  const escaped = escapeOf(source, at, true, false);
  const code = /^\\u\{([0-9a-f]+)\}$/.exec(escaped.text)?.[1];
  return { ...escaped, char: code === undefined ? null : String.fromCodePoint(Number.parseInt(code, 16)) };
}

function set({ text }: Member, anyCase: boolean): string {
  if (anyCase && text !== `[${WHITE_SPACE}]`) throw new Unmet("a set of characters in a class regardless of case is not known");
  return text;
}

function range(from: string, to: string, anyCase: boolean): string {
  const plain = from === to ? literal(from) : `${literal(from)}-${literal(to)}`;
  if (!anyCase) return plain;
  const [first, last] = [from.codePointAt(0) as number, to.codePointAt(0) as number];
  if (last > 0x7f) throw new Unmet(`${JSON.stringify(to)} in a class regardless of case is not known`);
  let more = "";
  for (let code = first; code <= last; code++) {
    const char = String.fromCharCode(code);
    if (/[a-z]/i.test(char)) more += foldedLetter(char);
  }
  return plain + more;
}
