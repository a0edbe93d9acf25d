/** The flags of `experiment` → the body of `POST /v1/experiments`. */
import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { ABOUT_KINDS } from "../schemas/experiments/kinds.ts";
import { EXPERIMENT_KINDS, type ExperimentKind } from "../schemas/experiments/settings.ts";
import type { CommandLine, Flags } from "./flags.ts";
import { flagValue, isGiven, onePositional } from "./flags.ts";
import { BOS_FLAGS, bosFields } from "./prompt-flags.ts";
import { DEFAULT_MODEL } from "./run-request.ts";
import { type FieldFlags, PROMPT_FIELDS } from "./said.ts";
import { UsageError } from "./usage-error.ts";

/** What is asked for; the service checks the rest. */
export interface ExperimentBody {
  readonly kind: ExperimentKind;
  readonly model: string;
  readonly [field: string]: unknown;
}

export const DEFAULT_DATASET = "prose-heldout";

const DATA = "A data set of the service, or a file: .jsonl or .txt";

/** Which texts, and how they are cut. */
export const TEXT_FLAGS: Flags = {
  model: { value: "ID", help: `The model (${DEFAULT_MODEL}); \`stratascope models\` lists them` },
  data: { value: "NAME|FILE", help: `${DATA} (${DEFAULT_DATASET}; some kinds have another, or none)` },
  texts: { value: "N", help: "How many: the first ones (64, or all there are)" },
  tokens: { value: "N", help: "Each is cut to so many, BOS included (128)" },
  "skip-short": { help: "Pass over texts that are shorter, instead of refusing them" },
  "keep-short": { help: "Take every text as long as it is, up to --tokens or the context" },
  ...BOS_FLAGS,
  bos: { help: "Put the beginning-of-text token first: so it is, where the model has one, without either flag" },
  seed: { value: "N", help: "Of whatever is drawn (0)" },
};

/** Flags that say how texts are cut, which kinds that read them whole refuse. */
const CUTTING_FLAGS: readonly string[] = ["tokens", "skip-short", "keep-short"];

/** Those that a kind takes, with its own defaults. */
export function textFlagsOf(kind: ExperimentKind): Flags {
  const { length, usual, required } = ABOUT_KINDS[kind].texts;
  const takes = Object.entries(TEXT_FLAGS).filter(([name]) => length === "cut" || !CUTTING_FLAGS.includes(name));
  const data = `${DATA} (${usual ?? (required ? "required" : "none")})`;
  return Object.fromEntries(takes.map(([name, flag]) => [name, name === "data" ? { ...flag, help: data } : flag]));
}

export const SETTING_FLAGS: Flags = {
  set: { value: "NAME=VALUE", help: "A setting of the kind, such as k=5 or lens=frozen-norm; lists as JSON. May be repeated" },
};

/** How the flags of `experiment` are spelled in its body. */
export function experimentFields(line: CommandLine): FieldFlags {
  return [
    ...PROMPT_FIELDS,
    [/^\/kind$/, "KIND"],
    [/^\/data\/rows\/(\d+)\/(.*)$/, "--data, row $1, $2"],
    [/^\/data\/(row|text)s\/(\d+)$/, "--data, $1 $2"],
    [/^\/data(?:\/.*)?$/, "--data"],
    [/^\/texts$/, "--texts"],
    [/^\/tokens_per_text$/, "--tokens"],
    [/^\/short_texts$/, isGiven(line, "keep-short") ? "--keep-short" : "--skip-short"],
    [/^\/seed$/, "--seed"],
    [/^\/settings\/([^/]+)(?:\/.*)?$/, "--set $1"],
    [/^\/settings$/, "--set"],
  ];
}

const EXAMPLE = "experiment layer-interventions --texts 16 --tokens 64";

/** The body for `stratascope experiment`. */
export function experimentBody(line: CommandLine): ExperimentBody {
  const named = onePositional(line, "The kind of experiment", EXAMPLE);
  const kind = EXPERIMENT_KINDS.find((each) => each === named);
  if (!kind) throw new UsageError(`${JSON.stringify(named)} is no kind of experiment. Kinds: ${EXPERIMENT_KINDS.join(", ")}.`);
  return { kind, ...textFields(line, kind), settings: settingsOf(line) };
}

/** What is the same for all kinds: the model, the texts, the seed. */
export function textFields(line: CommandLine, kind: ExperimentKind): { model: string } & Record<string, unknown> {
  const { usual, required } = ABOUT_KINDS[kind].texts;
  const data = flagValue(line, "data") ?? usual;
  if (data === null) checkWithout(line, kind, required);
  return {
    model: flagValue(line, "model") ?? DEFAULT_MODEL,
    ...(data !== null && { data: dataOf(data) }),
    ...numberField(line, "texts", "texts"),
    ...numberField(line, "tokens", "tokens_per_text"),
    ...numberField(line, "seed", "seed"),
    ...shortTexts(line),
    ...bosFields(line),
  };
}

/** Where no texts are named, and none are usual: refuses, where there must be some, or something is said of them. */
function checkWithout(line: CommandLine, kind: ExperimentKind, required: boolean): void {
  if (required)
    throw new UsageError(
      `--data is missing: ${kind} needs rows of its own; \`stratascope experiment ${kind} --help\` says which.`,
    );
  const said = ["texts", ...CUTTING_FLAGS].find((name) => isGiven(line, name));
  if (said) throw new UsageError(`--${said} is of texts, and ${kind} takes none unless --data names them.`);
}

function shortTexts(line: CommandLine): { short_texts?: "skip" | "keep" } {
  const [skip, keep] = [isGiven(line, "skip-short"), isGiven(line, "keep-short")];
  if (skip && keep) throw new UsageError("--skip-short and --keep-short exclude each other: texts are passed over, or kept.");
  if (skip) return { short_texts: "skip" };
  return keep ? { short_texts: "keep" } : {};
}

/** A file's own rows travel with the request; anything else is a name of the service's. */
function dataOf(named: string): Record<string, unknown> {
  const extension = extname(named);
  if (extension !== ".jsonl" && extension !== ".txt") return { dataset: named };
  let text: string;
  try {
    text = readFileSync(named, "utf8");
  } catch (error) {
    throw new UsageError(`--data ${named} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return extension === ".jsonl" ? { rows: jsonRows(text, named) } : { texts: plainTexts(text) };
}

function jsonRows(text: string, named: string): Record<string, unknown>[] {
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as Record<string, unknown>];
    } catch {
      throw new UsageError(`--data: line ${i + 1} of ${basename(named)} is not JSON.`);
    }
  });
}

/** As the service reads plain text: parted by lines of ---, or else by blank lines. */
function plainTexts(text: string): string[] {
  const lines = text.replaceAll("\r\n", "\n");
  const parted = /^---[ \t]*$/m.test(lines) ? lines.split(/^---[ \t]*$/m) : lines.split(/\n[ \t]*\n/);
  return parted.map((part) => part.trim()).filter((part) => part !== "");
}

function numberField(line: CommandLine, flag: string, field: string): Record<string, number> {
  const text = flagValue(line, flag);
  if (text === undefined) return {};
  if (!/^\d{1,15}$/.test(text))
    throw new UsageError(`--${flag} is ${JSON.stringify(text)}; it must be a whole number such as 64.`);
  return { [field]: Number(text) };
}

function settingsOf(line: CommandLine): Record<string, unknown> {
  const settings = line.given.filter(({ name }) => name === "set").map(({ value }) => value);
  return Object.fromEntries(
    settings.map((setting) => {
      const at = setting.indexOf("=");
      if (at < 1) throw new UsageError(`--set is ${JSON.stringify(setting)}; it must be NAME=VALUE, such as k=5.`);
      return [setting.slice(0, at), parsedValue(setting.slice(at + 1))];
    }),
  );
}

function parsedValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
