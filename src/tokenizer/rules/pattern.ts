/** Oniguruma's regular expressions, in which tokenizer.json writes its patterns, as JavaScript's. What is not translated is refused. */
import { classOf } from "./pattern-class.ts";
import { escapeOf, literal } from "./pattern-escape.ts";
import { isObject, quote, type Rule, Unmet, unmet } from "./rule.ts";

/** The `pattern` of a rule: `{ "String": … }` stands for itself, `{ "Regex": … }` is an expression. Global, of code points. */
export function patternOf(rule: Rule): RegExp {
  const { pattern } = rule.options;
  if (isObject(pattern) && typeof pattern.String === "string" && pattern.String !== "")
    return new RegExp(Array.from(pattern.String, literal).join(""), "gv");
  if (!isObject(pattern) || typeof pattern.Regex !== "string") throw unmet(rule, "pattern");
  try {
    return translate(pattern.Regex);
  } catch (error) {
    if (!(error instanceof Unmet)) throw error;
    throw new Unmet(`${rule.where} (${rule.type}) has the pattern ${quote(pattern.Regex)}: ${error.message}`);
  }
}

/** Throws `Unmet` with what cannot be translated. */
export function translate(source: string): RegExp {
  const reader = new PatternReader(source);
  const translated = reader.alternatives(false);
  if (reader.at < source.length) throw new Unmet(`")" at ${reader.at} closes nothing`);
  try {
    return new RegExp(translated, "gv");
  } catch (error) {
    throw new Unmet(error instanceof Error ? error.message : String(error));
  }
}

/** Groups that mean the same in both. */
const SAME_GROUPS = ["(?:", "(?=", "(?!", "(?<=", "(?<!"];

/** Groups within groups. */
const MAX_DEPTH = 200;

class PatternReader {
  at = 0;
  #depth = 0;
  #atomic = 0;
  /** Whether what was read since a group began may match in more than one way. */
  #varies = false;
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  /** Up to the end or a closing parenthesis. */
  alternatives(anyCase: boolean): string {
    const branches = [this.#branch(anyCase)];
    while (this.#source[this.at] === "|") {
      this.at++;
      branches.push(this.#branch(anyCase));
    }
    if (branches.length > 1 && !areApart(branches)) this.#varies = true;
    return branches.join("|");
  }

  #branch(anyCase: boolean): string {
    const atoms: string[] = [];
    let folded = ""; // the literals just before, where case does not matter
    let varies = false; // whether the last atom is a group that may match in more than one way
    for (;;) {
      const char = this.#peek();
      if (char === "" || char === "|" || char === ")") return atoms.join("");
      const quantifier = this.#quantifier();
      if (quantifier) {
        const atom = atoms.pop();
        if (atom === undefined) throw new Unmet(`${JSON.stringify(quantifier)} at ${this.at} repeats nothing`);
        atoms.push(this.#quantified(atom, quantifier, varies));
        varies = false;
        continue;
      }
      folded = anyCase && /[a-z]/i.test(char) ? folded + char.toLowerCase() : "";
      if (MULTIPLE.test(folded)) throw new Unmet(`${JSON.stringify(folded)} regardless of case, which one character may match`);
      const outside = this.#varies;
      this.#varies = false;
      atoms.push(this.#atom(char, anyCase));
      varies = this.#varies;
      this.#varies ||= outside;
    }
  }

  #atom(char: string, anyCase: boolean): string {
    if (char === "(") return this.#group(anyCase);
    if (char === "[") {
      const { text, end } = classOf(this.#source, this.at, anyCase);
      this.at = end;
      return text;
    }
    if (char === "\\") {
      const { text, end } = escapeOf(this.#source, this.at, false, anyCase);
      this.at = end;
      return text;
    }
    this.at += char.length;
    if (char === ".") return "[^\\n]";
    if (char === "^") return "(?:(?<![^])|(?<=\\n)(?=[^]))";
    if (char === "$") return "(?:(?=\\n)|(?![^]))";
    return literal(char, anyCase);
  }

  #group(anyCase: boolean): string {
    const rest = this.#source.slice(this.at, this.at + 4);
    const atomic = rest.startsWith("(?>");
    const insensitive = rest === "(?i:";
    const same = SAME_GROUPS.find((opening) => rest.startsWith(opening));
    const opening = same ?? (atomic ? "(?>" : insensitive ? "(?i:" : "(");
    if (opening === "(" && rest[1] === "?") throw new Unmet(`the group ${JSON.stringify(rest)} is not known`);
    if (this.#depth === MAX_DEPTH) throw new Unmet(`groups nest deeper than the ${MAX_DEPTH} levels allowed`);
    this.at += opening.length;
    this.#depth++;
    const inside = this.alternatives(anyCase || insensitive);
    this.#depth--;
    if (this.#source[this.at] !== ")") throw new Unmet("a group is not closed");
    this.at++;
    if (atomic) this.#varies = false;
    return atomic ? this.#once(inside) : `${same ?? "(?:"}${inside})`;
  }

  /** Without a way back into it: what a lookahead found stays found. */
  #once(inside: string): string {
    const name = `a${this.#atomic++}`;
    return `(?:(?=(?<${name}>${inside}))\\k<${name}>)`;
  }

  /** `+`, `{2,3}` and the like with what follows them, and past it; "" where there is none. */
  #quantifier(): string {
    const found = /^(?:[*+?][+?]?|\{(?:\d+(?:,\d*)?|,\d+)\}[+?]?)/.exec(this.#source.slice(this.at, this.at + 24))?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  /** `varies`: refused where it may repeat for ever: the ways to match grow without bound, and engines give up in silence. */
  #quantified(atom: string, quantifier: string, varies: boolean): string {
    const isUnbounded = /^[*+]|^\{\d+,\}/.test(quantifier);
    if (isUnbounded && varies && quantifier[1] !== "+")
      throw new Unmet(
        `${JSON.stringify(quantifier)} at ${this.at - quantifier.length} repeats a group that repeats, or has alternatives`,
      );
    if (isUnbounded) this.#varies = true;
    if (quantifier.startsWith("{")) {
      if (quantifier.endsWith("?")) throw new Unmet(`${JSON.stringify(quantifier)} means something else in every dialect`);
      const times = quantifier.replace("{,", "{0,");
      return times.endsWith("+") ? `(?:${atom}${times.slice(0, -1)})+` : `${atom}${times}`;
    }
    return quantifier[1] === "+" ? this.#once(atom + quantifier[0]) : atom + quantifier;
  }

  #peek(): string {
    const code = this.#source.codePointAt(this.at);
    return code === undefined ? "" : String.fromCodePoint(code);
  }
}

/** Letters that single characters match too where case does not matter: ß, ﬁ, ﬂ, ﬀ, ﬆ. */
const MULTIPLE = /ss|f[fil]|st/;

/** Whether alternatives are different single characters, of which no two match the same. */
function areApart(branches: readonly string[]): boolean {
  return branches.every((branch) => /^\\u\{[\da-f]+\}$/.test(branch)) && new Set(branches).size === branches.length;
}
