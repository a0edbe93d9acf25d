/** What the help says of kinds of experiments: a line for each, and the settings of one, read off its schema. */
import { z } from "@hono/zod-openapi";
import { ABOUT_KINDS, titleOf } from "../schemas/experiments/kinds.ts";
import { EXPERIMENT_KINDS, type ExperimentKind, SETTINGS } from "../schemas/experiments/settings.ts";
import { KIND_NOTES } from "./kind-notes.ts";
import { left, wrapped } from "./render/text.ts";

/** Of a description's line: with its indent it stays within 100 columns. */
const WIDTH = 78;
/** Of a note's, which has none. */
const NOTE_WIDTH = 88;

/** What a setting's schema says, as JSON Schema. */
interface SettingSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly items?: SettingSchema;
  readonly properties?: Readonly<Record<string, SettingSchema>>;
  readonly anyOf?: readonly SettingSchema[];
}

/** Every kind with its title, aligned. */
export function kindLines(): string[] {
  const width = Math.max(...EXPERIMENT_KINDS.map((kind) => kind.length));
  return EXPERIMENT_KINDS.map((kind) => `  ${left(kind, width)}  ${titleOf(kind)}`);
}

/** The title of a kind; then its settings, with what they may be, their defaults, and what they mean. */
export function settingLines(kind: ExperimentKind): string[] {
  const { properties = {}, required = [] } = z.toJSONSchema(SETTINGS[kind], { io: "input" }) as {
    properties?: Record<string, SettingSchema>;
    required?: string[];
  };
  const settings = Object.entries(properties);
  const width = Math.max(...settings.map(([name]) => name.length));
  const lines = settings.flatMap(([name, schema]) => {
    const usual = required.includes(name) ? ", required" : defaultOf(schema);
    const [first = "", ...rest] = [`${valuesOf(schema)}${usual}`, ...words(schema.description ?? "", WIDTH)];
    return [`  ${left(name, width)}  ${first}`, ...rest.map((line) => `  ${left("", width)}    ${line}`)];
  });
  return [`${titleOf(kind)}.`, "", ...(lines.length > 0 ? ["Settings (--set NAME=VALUE):", ...lines] : ["It has no settings."])];
}

/** A command line of the kind that works as it stands, or with a file of one's own. */
export function exampleOf(kind: ExperimentKind): string {
  const { length, usual, required } = ABOUT_KINDS[kind].texts;
  const data = usual === null && required ? " --data rows.jsonl" : "";
  const cut = length === "cut" && required ? " --texts 16 --tokens 64" : "";
  const set = kind === "variants" ? ` --set 'variants={"one":[{"op":"delete","layers":[5]}]}'` : "";
  return `stratascope experiment ${kind}${data}${cut}${set}${kind === "activations" ? " --files activations" : " --figure figure.svg"}`;
}

/** What else there is to know of a kind before it is asked for, a paragraph each. */
export function noteLines(kind: ExperimentKind): string[] {
  return (KIND_NOTES[kind] ?? []).flatMap((note) => ["", ...words(note, NOTE_WIDTH)]);
}

function valuesOf({ type, enum: names, const: value, ...schema }: SettingSchema): string {
  const { minimum, exclusiveMinimum, maximum, items, properties, anyOf } = schema;
  if (anyOf) return anyOf.map(valuesOf).join(", or ");
  if (names) return names.join(", ");
  if (value !== undefined) return String(value);
  if (type === "array") return items?.enum ? `a list of ${items.enum.join(", ")}` : "a list";
  if (type === "integer" || type === "number")
    return minimum === undefined ? `over ${exclusiveMinimum}, to ${maximum}` : `${minimum} to ${maximum}`;
  if (type === "boolean") return "true, false";
  if (type === "object") return properties ? `{ ${Object.keys(properties).join(", ")} }` : "an object";
  return "a text";
}

function defaultOf({ default: value, items }: SettingSchema): string {
  if (value === undefined) return "";
  if (Array.isArray(value) && value.length === items?.enum?.length) return " (all)";
  return ` (${typeof value === "string" ? value : JSON.stringify(value)})`;
}

/** In lines of so many columns, between words. */
function words(text: string, width: number): string[] {
  return wrapped(
    text.split(" ").filter((word) => word !== ""),
    width,
  );
}
