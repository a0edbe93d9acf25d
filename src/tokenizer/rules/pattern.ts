/** Oniguruma's regular expressions, in which tokenizer.json writes its patterns, as JavaScript's. What is not translated is refused. */
import { classOf } from "./pattern-class.ts";
import { escapeOf, literal } from "./pattern-escape.ts";
import { isObject, type Rule, Unmet, unmet } from "./rule.ts";

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
    throw new Unmet(`${rule.where} (${rule.type}) has the pattern ${JSON.stringify(pattern.Regex)}: ${error.message}`);
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
    return branches.join("|");
  }

  #branch(anyCase: boolean): string {
    const atoms: string[] = [];
    let folded = ""; // the literals just before, where case does not matter
    for (;;) {
      const char = this.#peek();
      if (char === "" || char === "|" || char === ")") return atoms.join("");
      const quantifier = this.#quantifier();
      if (quantifier) {
        const atom = atoms.pop();
        if (atom === undefined) throw new Unmet(`${JSON.stringify(quantifier)} at ${this.at} repeats nothing`);
        atoms.push(this.#quantified(atom, quantifier));
        continue;
      }
      folded = anyCase && /[a-z]/i.test(char) ? folded + char.toLowerCase() : "";
      if (MULTIPLE.test(folded)) throw new Unmet(`${JSON.stringify(folded)} regardless of case, which one character may match`);
      atoms.push(this.#atom(char, anyCase));
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

  #quantified(atom: string, quantifier: string): string {
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
