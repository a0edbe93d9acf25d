/** Where Python's texts differ from JavaScript's: how values are printed, and what methods of strings do. */
import type { Value } from "./nodes.ts";

/** What `str.strip()` takes away: Python's white space, which is not JavaScript's. Code units, first and last. */
const SPACES = [
  ...([
    [0x09, 0x0d],
    [0x1c, 0x20],
    [0x85, 0x85],
    [0xa0, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
  ] as const),
  ...([
    [0x2028, 0x2029],
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
  ] as const),
];
const IS_SPACE = new Uint8Array(0x3001);
for (const [first, last] of SPACES) IS_SPACE.fill(1, first, last + 1);

export type StripName = "strip" | "lstrip" | "rstrip";

/** Takes characters off a text's ends: white space, or those of `characters`. */
export function strip(text: string, name: StripName, characters: string | null = null): string {
  let [start, end] = [0, text.length];
  if (characters === null) {
    if (name !== "rstrip") while (start < end && IS_SPACE[text.charCodeAt(start)] === 1) start++;
    if (name !== "lstrip") while (end > start && IS_SPACE[text.charCodeAt(end - 1)] === 1) end--;
    return text.slice(start, end);
  }
  const taken = new Set(characters);
  const units = Array.from(text);
  let [first, last] = [0, units.length];
  if (name !== "rstrip") while (first < last && taken.has(units[first] as string)) first++;
  if (name !== "lstrip") while (last > first && taken.has(units[last - 1] as string)) last--;
  return units.slice(first, last).join("");
}

/** `str(value)`: what `{{ value }}` and `~` write. */
export function printed(value: Value): string {
  return value.type === "StringValue" ? String(value.value) : value.type === "UndefinedValue" ? "" : repr(value);
}

/** `repr(value)`: within lists and dictionaries. */
export function repr(value: Value): string {
  switch (value.type) {
    case "StringValue":
      return quoted(String(value.value));
    case "BooleanValue":
      return value.value === true ? "True" : "False";
    case "NullValue":
      return "None";
    case "UndefinedValue":
      return "Undefined";
    case "ArrayValue":
      return `[${(value.value as Value[]).map(repr).join(", ")}]`;
    case "TupleValue": {
      const items = (value.value as Value[]).map(repr);
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(", ")})`;
    }
    case "ObjectValue":
      return `{${[...(value.value as Map<string, Value>)].map(([key, item]) => `${quoted(key)}: ${repr(item)}`).join(", ")}}`;
    default:
      return String(value);
  }
}

/** A string as Python writes it: in single quotes, unless it has some and no double ones. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\n\r\t]|\p{Cc}/gu, (character) => {
    const known = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
    return known ?? `\\x${(character.codePointAt(0) as number).toString(16).padStart(2, "0")}`;
  });
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

/** `==`: by value, and never between kinds, but that Python's True is 1. */
export function equal(a: Value, b: Value): boolean {
  if (isNumber(a) && isNumber(b)) return Number(a.value) === Number(b.value);
  if (isList(a) && isList(b)) return a.type === b.type && equalItems(a.value as Value[], b.value as Value[]);
  if (a.type !== b.type) return false;
  if (a.type !== "ObjectValue") return a.value === b.value;
  const [left, right] = [a.value as Map<string, Value>, b.value as Map<string, Value>];
  if (left.size !== right.size) return false;
  return [...left].every(([key, item]) => right.has(key) && equal(item, right.get(key) as Value));
}

function equalItems(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, i) => equal(item, b[i] as Value));
}

/** A whole number, a float, or a truth value, which Python has for one. */
export function isNumber({ type }: Value): boolean {
  return type === "IntegerValue" || type === "FloatValue" || type === "BooleanValue";
}

function isList({ type }: Value): boolean {
  return type === "ArrayValue" || type === "TupleValue";
}

const MONTHS = "January February March April May June July August September October November December".split(" ");
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

/** `date.strftime(format)` in the C locale, in the machine's time zone; a directive that is not known stays. */
export function strftime(date: Date, format: string): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const month = MONTHS[date.getMonth()] as string;
  const day = DAYS[date.getDay()] as string;
  const hour12 = date.getHours() % 12 || 12;
  const written: Readonly<Record<string, string>> = {
    ...{ Y: String(date.getFullYear()), y: two(date.getFullYear() % 100), m: two(date.getMonth() + 1), d: two(date.getDate()) },
    ...{ B: month, b: month.slice(0, 3), A: day, a: day.slice(0, 3), H: two(date.getHours()), I: two(hour12) },
    ...{ M: two(date.getMinutes()), S: two(date.getSeconds()), p: date.getHours() < 12 ? "AM" : "PM", "%": "%" },
    ...{ F: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`, "-d": String(date.getDate()) },
    ...{ e: String(date.getDate()).padStart(2, " "), "-m": String(date.getMonth() + 1) },
  };
  return format.replace(/%(-?[A-Za-z]|%)/g, (directive, name: string) => written[name] ?? directive);
}
