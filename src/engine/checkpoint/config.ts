/** Values of config.json, checked; what is wrong is added to a list, and a harmless value goes on in its place. */
import { ACTIVATIONS, type Architecture, REFUSED_EVERYWHERE, type Setting } from "../architectures/architecture.ts";
import type { Activation } from "../model-spec.ts";
import { isObject, type JsonObject } from "./files.ts";
import { quote } from "./problems.ts";

/** Ten times the deepest dense model published; bounds the tensors that are looked for. */
export const MAX_LAYERS = 1_200;

/** What fits a 32-bit index; no published size comes near it. */
export const MAX_SIZE = 2 ** 31 - 1;

/** The value at a dotted path; undefined where there is none, or null. */
export function lookUp(config: JsonObject, path: string): unknown {
  let value: unknown = config;
  for (const key of path.split(".")) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value ?? undefined;
}

export class ConfigReader {
  readonly #config: JsonObject;
  readonly #problems: string[];

  constructor(config: JsonObject, problems: string[]) {
    this.#config = config;
    this.#problems = problems;
  }

  /** A whole number from 1 to `max`. */
  size<T extends number | null>(of: Setting<T>, max = MAX_SIZE): number | T {
    const fits = (value: unknown): value is number =>
      Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= max;
    return this.#read(of, fits, `a whole number from 1 to ${max}`);
  }

  /** A finite number above 0, at most `max`. */
  positive(of: Setting<number>, max = Number.MAX_VALUE): number {
    const fits = (value: unknown): value is number => typeof value === "number" && value > 0 && value <= max;
    return this.#read(of, fits, max === Number.MAX_VALUE ? "a number above 0" : `a number above 0, at most ${max}`);
  }

  flag(of: Setting<boolean>): boolean {
    return this.#read(of, (value): value is boolean => typeof value === "boolean", "true or false");
  }

  activation(of: Setting<string>): Activation {
    const known = [...ACTIVATIONS.keys()];
    const name = this.#read(of, (value): value is string => known.includes(value as string), known.join(", "));
    return ACTIVATIONS.get(name) as Activation;
  }

  /** The first of `keys` that holds an object; null where none holds anything. */
  object(keys: readonly string[]): { readonly key: string; readonly value: JsonObject } | null {
    for (const key of keys) {
      const value = lookUp(this.#config, key);
      if (isObject(value)) return { key, value };
      if (value !== undefined) this.#complain(key, value, "an object");
    }
    return null;
  }

  /** Adds a problem for every key whose value would change what is computed. */
  refuse({ refused }: Architecture): void {
    for (const { key, allowed } of [...REFUSED_EVERYWHERE, ...refused]) {
      const value = lookUp(this.#config, key);
      if (value === undefined || isAllowed(value, allowed)) continue;
      const bound = allowed.length === 0 ? "" : `; only ${allowed.map((one) => JSON.stringify(one)).join(" or ")} is`;
      this.#problems.push(`config.json: ${key} ${quote(value)} is not supported${bound}`);
    }
  }

  #read<T, U>({ keys, default: fallback }: Setting<T>, fits: (value: unknown) => value is U, expected: string): T | U {
    for (const key of keys) {
      const value = lookUp(this.#config, key);
      if (value === undefined) continue;
      if (fits(value)) return value;
      this.#complain(key, value, expected);
      break;
    }
    return fallback;
  }

  #complain(key: string, value: unknown, expected: string): void {
    this.#problems.push(`config.json: ${key} is ${quote(value)}; ${expected} is expected`);
  }
}

/** One of those allowed, or a list of nothing else. */
function isAllowed(value: unknown, allowed: readonly unknown[]): boolean {
  const isOne = (item: unknown) => allowed.some((one) => isSame(one, item));
  return isOne(value) || (Array.isArray(value) && value.every(isOne));
}

/** Equal, or both an object without fields. */
function isSame(allowed: unknown, value: unknown): boolean {
  return allowed === value || (isObject(allowed) && isObject(value) && Object.keys(value).length === 0);
}
