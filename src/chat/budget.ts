/** What rendering may cost: counted in steps and characters, so that the same chat is refused or rendered everywhere. */
import type { Value } from "./nodes.ts";

/**
 * Steps of one rendering: expressions evaluated, and what they read and write, some 0.3 µs each while nothing else
 * happens. Chats of a thousand messages are within it, under Qwen 3's template too.
 */
export const MAX_STEPS = 200_000;
/** Characters of any text that comes up on the way, and of all texts of a list together. */
export const MAX_CHARS = 1_048_576;
/** Numbers of one `range`. */
export const MAX_RANGE = 65_536;

/** Expressions within expressions, macros that they call included. */
export const MAX_DEPTH = 400;

/** Characters read in the time of a step. */
const CHARS_A_STEP = 64;

/** A template that would go on, or write, too much. */
export class BudgetExceeded extends Error {}

/** Counts what one rendering has cost. */
export class Budget {
  #steps = 0;
  #depth = 0;
  /** Of lists and objects, which do not change once they are made. */
  readonly #weights = new WeakMap<Value, number>();

  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) throw new BudgetExceeded(`takes more than the ${MAX_STEPS} steps allowed`);
  }

  /** A value was read or made. */
  see(value: Value): void {
    const { value: held } = value;
    this.spend(typeof held === "string" ? 1 + Math.floor(held.length / CHARS_A_STEP) : 1);
    this.#check(this.#weigh(value));
  }

  /** A list is gone through, item by item. */
  walk(value: Value): void {
    if (Array.isArray(value.value)) this.spend(2 * value.value.length);
    if (value.value instanceof Map) this.spend(2 * value.value.size);
  }

  /** A text of so many characters is about to be made. */
  write(chars: number): void {
    this.#check(chars);
    this.spend(Math.floor(chars / CHARS_A_STEP));
  }

  /** Evaluates something within what is being evaluated. */
  within<T>(evaluate: () => T): T {
    if (this.#depth === MAX_DEPTH) throw new BudgetExceeded(`nests or calls itself deeper than the ${MAX_DEPTH} levels allowed`);
    this.#depth++;
    try {
      return evaluate();
    } finally {
      this.#depth--;
    }
  }

  #check(chars: number): void {
    if (chars > MAX_CHARS) throw new BudgetExceeded(`writes more than the ${MAX_CHARS} characters allowed`);
  }

  /** Characters that it takes to write a value, about. */
  #weigh(value: Value): number {
    const { value: held, type } = value;
    if (typeof held === "string") return held.length;
    if (!Array.isArray(held) && !(held instanceof Map)) return 1;
    const known = this.#weights.get(value);
    if (known !== undefined) return known;
    let weight = 2;
    if (Array.isArray(held)) for (const item of held) weight += 2 + this.#weigh(item);
    else for (const [key, item] of held) weight += 4 + String(key).length + this.#weigh(item);
    this.spend(Array.isArray(held) ? held.length : held.size);
    if (type !== "NamespaceValue") this.#weights.set(value, weight); // a namespace's fields change
    return weight;
  }
}
