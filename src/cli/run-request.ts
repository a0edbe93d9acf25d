/** The flags of `run` and `sweep` → the body of `POST /v1/runs`. */
import type { RunRequestInput } from "../schemas/run-request.ts";
import type { CommandLine, Flags } from "./flags.ts";
import { flagValue, isGiven, onePositional } from "./flags.ts";
import { operationsOf } from "./interventions.ts";
import { UsageError } from "./usage-error.ts";

export const DEFAULT_MODEL = "prose-6m";

const LENSES = ["standard", "frozen-norm"] as const;
const CAPTURES = ["norms", "patterns", "attention_locality"] as const;

/** What `run` and `sweep` share. */
export const PROMPT_FLAGS: Flags = {
  model: { value: "ID", help: `The model (${DEFAULT_MODEL}); \`stratascope models\` lists them` },
  "no-bos": { help: "Do not put the beginning-of-text token first" },
};

export const READOUT_FLAGS: Flags = {
  positions: { value: "LIST", help: "Where to read out: last, all, or places such as 3,-1 (last)" },
  "top-k": { value: "K", help: "How many tokens each read-out lists (10)" },
  lens: { value: "LENS", help: `How layers are read: ${LENSES.join(" or ")} (standard)` },
  target: { value: "TOKEN", help: "A token to follow through the layers; may be repeated" },
  capture: { value: "LIST", help: `What else each layer sends: ${CAPTURES.join(", ")} (norms)` },
  "no-baseline": { help: "Do not run the untouched model beside it" },
};

/** The body for `stratascope run`. */
export function runRequest(line: CommandLine): RunRequestInput {
  const operations = operationsOf(line);
  const targets = line.given.filter((flag) => flag.name === "target").map((flag) => flag.value);
  const topK = flagValue(line, "top-k");
  const capture = flagValue(line, "capture");
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
    ...(capture === undefined ? {} : { capture: capture.split(",").map((name) => oneOf("capture", name.trim(), CAPTURES)) }),
  };
}

/** The body for `stratascope sweep`: only the last step of each variant is read out. */
export function sweepRequest(line: CommandLine): RunRequestInput {
  return { ...promptRequest(line), sweep: ["delete", "swap"], readout: { layers: "final", top_k: 1 }, capture: [] };
}

function promptRequest(line: CommandLine): RunRequestInput {
  const request = { model: flagValue(line, "model") ?? DEFAULT_MODEL, prompt: onePositional(line, "The prompt") };
  return isGiven(line, "no-bos") ? { ...request, prepend_bos: false } : request;
}

function positionsOf(text: string): "last" | "all" | number[] {
  if (text === "last" || text === "all") return text;
  return text.split(",").map((part) => {
    if (!/^-?\d{1,9}$/.test(part.trim()))
      throw new UsageError(`--positions is ${JSON.stringify(text)}; it must be last, all, or places such as 3,-1.`);
    return Number(part);
  });
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
