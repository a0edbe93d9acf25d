/** The flags of `run` and `sweep` → the body of `POST /v1/runs`. */
import type { RunRequestInput } from "../schemas/run-request.ts";
import type { CommandLine, Flags } from "./flags.ts";
import { flagValue, isGiven, onePositional } from "./flags.ts";
import { operationFields, operationsOf } from "./interventions.ts";
import { LAYER_LIST, type Layers, layers, numbers, places } from "./layer-list.ts";
import { BOS_FLAGS, bosFields, CHAT_FLAGS, promptFields } from "./prompt-flags.ts";
import { type FieldFlags, PROMPT_FIELDS } from "./said.ts";
import { UsageError } from "./usage-error.ts";

export const DEFAULT_MODEL = "prose-6m";

const LENSES = ["standard", "frozen-norm"] as const;
const CAPTURES = [
  ...(["norms", "patterns", "attention_locality", "head_norms", "neurons", "residuals", "components", "attribution"] as const),
] as const;
const COMPONENTS = ["resid_pre", "attn_out", "mlp_out", "head"] as const;

/** What `run` and `sweep` share. */
export const PROMPT_FLAGS: Flags = {
  model: { value: "ID", help: `The model (${DEFAULT_MODEL}); \`stratascope models\` lists them` },
  ...CHAT_FLAGS,
  ...BOS_FLAGS,
};

export const READOUT_FLAGS: Flags = {
  positions: { value: "LIST", help: "Where to read out: last, all, or places such as 3,-1 (last)" },
  "top-k": { value: "K", help: "How many tokens each read-out lists (10): --json has all of them, the table the first" },
  lens: { value: "LENS", help: `How layers are read: ${LENSES.join(" or ")} (standard)` },
  target: { value: "TOKEN", help: "A token to follow through the layers; may be repeated" },
  capture: { value: "LIST", help: `What else --json shows: ${CAPTURES.join(", ")} (norms)` },
  "top-neurons": { value: "N", help: "Neurons of each layer that are captured, the most active" },
  "no-baseline": { help: "Do not run the untouched model beside it" },
};

/** How the flags of `run` are spelled in its body. */
export function runFields(line: CommandLine): FieldFlags {
  return [
    ...PROMPT_FIELDS,
    ...operationFields(line),
    [/^\/readout\/positions(?:\/.*)?$/, "--positions"],
    [/^\/readout\/top_k$/, "--top-k"],
    [/^\/readout\/targets(?:\/.*)?$/, "--target"],
    [/^\/capture\/\d+\/neurons(?:\/.*)?$/, "--top-neurons"],
    [/^\/capture(?:\/.*)?$/, "--capture"],
    [/^\/baseline$/, "--no-baseline"],
  ];
}

/** The body for `stratascope run`. */
export function runRequest(line: CommandLine): RunRequestInput {
  const operations = operationsOf(line);
  const targets = line.given.filter((flag) => flag.name === "target").map((flag) => flag.value);
  const topK = flagValue(line, "top-k");
  const capture = captureOf(line);
  return {
    ...promptRequest(line),
    ...(operations.length > 0 ? { interventions: operations } : {}),
    ...(isGiven(line, "no-baseline") ? { baseline: false } : {}),
    readout: {
      positions: positionsOf(flagValue(line, "positions") ?? "last"),
      ...(topK === undefined ? {} : { top_k: wholeNumber("top-k", topK) }),
      lens: oneOf("lens", flagValue(line, "lens") ?? "standard", LENSES),
      ...(targets.length > 0 ? { targets } : {}),
    },
    ...(capture === undefined ? {} : { capture }),
  };
}

function captureOf(line: CommandLine): RunRequestInput["capture"] {
  const list = flagValue(line, "capture");
  const top = flagValue(line, "top-neurons");
  const names = list === undefined ? ["norms" as const] : list.split(",").map((name) => oneOf("capture", name.trim(), CAPTURES));
  if (top === undefined) return list === undefined ? undefined : names;
  return [...names.filter((name) => name !== "neurons"), { neurons: { top: wholeNumber("top-neurons", top) } }];
}

/** The body for `stratascope sweep`: only the last step of each variant is read out. */
export function sweepRequest(line: CommandLine): RunRequestInput {
  return { ...promptRequest(line), sweep: ["delete", "swap"], readout: { layers: "final", top_k: 1 }, capture: [] };
}

export const PATCH_FLAGS: Flags = {
  source: { value: "PROMPT", help: "The other prompt, whose values are put in" },
  targets: { value: "A,B", help: 'Two tokens, whose logit difference is restored: " Paris, Rome"' },
  component: { value: "NAME", help: `What is patched: ${COMPONENTS.join(", ")} (resid_pre)` },
  layers: { value: "LAYERS", help: "Rows of the map: 5, 2,3, 4-7 or -1 (all)" },
  positions: { value: "LIST", help: "Columns: places such as 3,-1 (all); with component head, where heads are patched" },
  heads: { value: "HEADS", help: "Columns with component head: 3 or 0-2 (all)" },
};

/** How the flags of `patch` are spelled in its body. */
export const PATCH_FIELDS: FieldFlags = [
  ...PROMPT_FIELDS,
  [/^\/sweep\/(source|layers|positions|heads|component)(?:\/.*)?$/, "--$1"],
  [/^\/readout\/targets(?:\/.*)?$/, "--targets"],
  [/^\/sweep$/, "--layers and --positions"],
];

/** The body for `stratascope patch`. */
export function patchRequest(line: CommandLine): RunRequestInput {
  const prompt = flagValue(line, "source");
  if (prompt === undefined) throw new UsageError("--source is missing: the other prompt, whose values are put in.");
  const targets = (flagValue(line, "targets") ?? "").split(",");
  if (targets.length !== 2 || targets.includes(""))
    throw new UsageError(
      `--targets is ${JSON.stringify(flagValue(line, "targets") ?? "")}; it must be two tokens, such as " Paris, Rome".`,
    );
  const [rows, heads] = [layersOf(line), headsOf(line)];
  const positions = flagValue(line, "positions") ?? "all";
  return {
    ...promptRequest(line),
    sweep: {
      op: "patch",
      component: oneOf("component", flagValue(line, "component") ?? "resid_pre", COMPONENTS),
      source: promptFields(line, prompt),
      ...(rows ? { layers: rows } : {}),
      ...(heads ? { heads } : {}),
      ...(positions === "all" ? {} : { positions: places("positions", positions, "all, or places such as 3,-1") }),
    },
    readout: { layers: "final", top_k: 1, targets },
    capture: [],
  };
}

function layersOf(line: CommandLine): Layers | undefined {
  const text = listed(line, "layers", LAYER_LIST, "5, 2,3, 4-7 or -1");
  return text === undefined ? undefined : layers(text);
}

function headsOf(line: CommandLine): number[] | undefined {
  const text = listed(line, "heads", String.raw`\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*`, "5, 2,3 or 4-7");
  return text === undefined ? undefined : numbers(text);
}

function listed(line: CommandLine, name: string, form: string, example: string): string | undefined {
  const text = flagValue(line, name);
  const list = text?.replaceAll(" ", "");
  if (list !== undefined && !new RegExp(`^(?:${form})$`).test(list))
    throw new UsageError(`--${name} is ${JSON.stringify(text)}; it must be a list such as ${example}.`);
  return list;
}

function promptRequest(line: CommandLine): RunRequestInput {
  const model = flagValue(line, "model") ?? DEFAULT_MODEL;
  return { model, ...promptFields(line, onePositional(line, "The prompt")), ...bosFields(line) };
}

function positionsOf(text: string): "last" | "all" | number[] {
  if (text === "last" || text === "all") return text;
  return places("positions", text, "last, all, or places such as 3,-1");
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new UsageError(`--${name} is ${JSON.stringify(text)}; it must be a whole number such as 10.`);
  return Number(text);
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text);
  if (!found) throw new UsageError(`--${name} is ${JSON.stringify(text)}; it must be ${allowed.join(" or ")}.`);
  return found;
}
