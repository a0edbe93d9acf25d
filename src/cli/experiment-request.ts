/** The flags of `experiment` → the body of `POST /v1/experiments`. */
import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { EXPERIMENT_KINDS, type ExperimentKind } from "../schemas/experiments/settings.ts";
import type { CommandLine, Flags } from "./flags.ts";
import { flagValue, isGiven, onePositional } from "./flags.ts";
import { BOS_FLAGS, bosFields } from "./prompt-flags.ts";
import { DEFAULT_MODEL } from "./run-request.ts";
import { UsageError } from "./usage-error.ts";

/** What is asked for; the service checks the rest. */
export interface ExperimentBody {
  readonly kind: ExperimentKind;
  readonly model: string;
  readonly [field: string]: unknown;
}

export const DEFAULT_DATASET = "prose-heldout";
/** What a kind reads that needs more than texts, when nothing is said. */
const DATASETS: Readonly<Record<string, string>> = { benchmark: "last-word" };
/** Takes no texts unless some are given. */
const WITHOUT_TEXTS: ReadonlySet<string> = new Set(["neuron-census"]);

/** Which texts, and how they are cut. */
export const TEXT_FLAGS: Flags = {
  model: { value: "ID", help: `The model (${DEFAULT_MODEL}); \`stratascope models\` lists them` },
  data: { value: "NAME|FILE", help: `A data set of the service, or a file of texts: .jsonl or .txt (${DEFAULT_DATASET})` },
  texts: { value: "N", help: "How many: the first ones (64, or all there are)" },
  tokens: { value: "N", help: "Each is cut to so many, BOS included (128)" },
  "skip-short": { help: "Pass over texts that are shorter, instead of refusing them" },
  ...BOS_FLAGS,
  seed: { value: "N", help: "Of whatever is drawn (0)" },
};

export const SETTING_FLAGS: Flags = {
  set: { value: "NAME=VALUE", help: "A setting of the kind, such as k=5 or lens=frozen-norm; lists as JSON. May be repeated" },
};

const EXAMPLE = "experiment layer-interventions --texts 16 --tokens 64";

/** The body for `stratascope experiment`. */
export function experimentBody(line: CommandLine): ExperimentBody {
  const kind = onePositional(line, "The kind of experiment", EXAMPLE);
  if (!(EXPERIMENT_KINDS as readonly string[]).includes(kind))
    throw new UsageError(`${JSON.stringify(kind)} is no kind of experiment. Kinds: ${EXPERIMENT_KINDS.join(", ")}.`);
  return { kind: kind as ExperimentKind, ...textFields(line, kind), settings: settingsOf(line) };
}

/** What is the same for all kinds: the model, the texts, the seed. */
export function textFields(line: CommandLine, kind: string): { model: string } & Record<string, unknown> {
  const data = flagValue(line, "data");
  const takesTexts = !WITHOUT_TEXTS.has(kind) || data !== undefined;
  return {
    model: flagValue(line, "model") ?? DEFAULT_MODEL,
    ...(takesTexts && { data: dataOf(data ?? DATASETS[kind] ?? DEFAULT_DATASET) }),
    ...(takesTexts && numberField(line, "texts", "texts")),
    ...(takesTexts && numberField(line, "tokens", "tokens_per_text")),
    ...numberField(line, "seed", "seed"),
    ...(isGiven(line, "skip-short") && { short_texts: "skip" }),
    ...bosFields(line),
  };
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
