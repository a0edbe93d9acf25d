/** A rule of tokenizer.json: an object with a type, and options that are read one by one, so that none is passed over. */

export type Json = { readonly [key: string]: unknown };

export interface Rule {
  /** Where it stands, for messages: `pre_tokenizer.pretokenizers[1]`. */
  readonly where: string;
  readonly type: string;
  readonly options: Json;
}

/** Why a tokenizer.json is refused: what it asks for is not done here as the `tokenizers` package does it. */
export class Unmet extends Error {}

/** Throws `Unmet` where the value is no rule. */
export function ruleOf(value: unknown, where: string): Rule {
  if (!isObject(value) || typeof value.type !== "string")
    throw new Unmet(`${where} is ${quote(value)}; an object with a type is expected`);
  const { type, ...options } = value;
  return { where, type, options };
}

/** The rules of a `Sequence`, in order. */
export function rulesOf(rule: Rule, key: string): Rule[] {
  onlyWith(rule, key);
  const list = rule.options[key];
  if (!Array.isArray(list)) throw unmet(rule, key);
  return list.map((value, i) => ruleOf(value, `${rule.where}.${key}[${i}]`));
}

/** Throws `Unmet` where the rule has other options: they may change what it does. */
export function onlyWith(rule: Rule, ...known: readonly string[]): void {
  const other = Object.keys(rule.options).find((key) => !known.includes(key));
  if (other !== undefined) throw unmet(rule, other);
}

export function flagOf(rule: Rule, key: string, absent?: boolean): boolean {
  const value = rule.options[key] ?? absent;
  if (typeof value !== "boolean") throw unmet(rule, key);
  return value;
}

export function textOf(rule: Rule, key: string, absent?: string): string {
  const value = rule.options[key] ?? absent;
  if (typeof value !== "string") throw unmet(rule, key);
  return value;
}

export function countOf(rule: Rule, key: string, absent: number): number {
  const value = rule.options[key] ?? absent;
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw unmet(rule, key);
  return value as number;
}

/** One of some words. */
export function wordOf<Word extends string>(rule: Rule, key: string, words: readonly Word[], absent?: Word): Word {
  const value = rule.options[key] ?? absent;
  const word = words.find((known) => known === value);
  if (word === undefined) throw unmet(rule, key);
  return word;
}

/** The error that names the rule, and the option where one is to blame. */
export function unmet({ where, type, options }: Rule, key?: string): Unmet {
  if (key === undefined) return new Unmet(`${where} is ${quote(type)}, which is not known`);
  return new Unmet(`${where} (${type}) has ${key} ${quote(options[key])}, which is not known`);
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As JSON, cut to what a message can hold. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "absent";
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
