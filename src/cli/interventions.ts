/** Intervention flags → operations of the API, in the order typed. What the layers may be is the server's to say. */
import type { RunRequestInput } from "../schemas/run-request.ts";
import type { CommandLine, Flags } from "./flags.ts";
import { flagValue } from "./flags.ts";
import { LAYER, LAYER_LIST, LAYER_RANGE, layers, numbers, places } from "./layer-list.ts";
import { promptFields } from "./prompt-flags.ts";
import type { FieldFlags } from "./said.ts";
import { UsageError } from "./usage-error.ts";

type Operation = NonNullable<RunRequestInput["interventions"]>[number];

const LAYERS = "a list of layers such as 5, 2,3, 4-7 or -1";

interface Shape {
  readonly pattern: RegExp;
  readonly expected: string;
  /** Spaces count: the value has a token in it. */
  readonly spaces?: true;
  readonly make: (match: RegExpExecArray, modifiers: Modifiers) => Operation[];
}

const PARTS = String.raw`(${LAYER}\.\d+(?:-\d+)?(?:,${LAYER}\.\d+(?:-\d+)?)*)`;
const whole = (source: string) => new RegExp(`^${source}$`);

const layersOnly = (op: "delete" | "swap" | "reverse"): Shape => ({
  pattern: whole(`(${LAYER_LIST})`),
  expected: op === "swap" ? "two layers such as 2,3" : LAYERS,
  make: ([, list]) => [{ op, layers: layers(list) }],
});

const component = (name: "attn" | "mlp"): Shape => ({
  pattern: whole(`(${LAYER_LIST})`),
  expected: LAYERS,
  make: ([, list], { ablated, at }) => [{ op: "ablate", component: name, layers: layers(list), with: ablated, ...at }],
});

/** "1.6,2.0-3" → [1, [6]], [2, [0, 1, 2, 3]] */
const parts = (list: string): [number, number[]][] =>
  list.split(",").map((part) => {
    const [layer, of] = part.split(".");
    return [Number(layer), numbers(of)];
  });

const ablatedParts = (name: "head" | "neuron"): Shape => ({
  pattern: whole(PARTS),
  expected: `layer.${name}, such as 1.3, 1.3,2.4 or 1.0-3`,
  make: ([, list = ""], { ablated, at }) =>
    parts(list).map(([layer, of]) =>
      name === "head"
        ? { op: "ablate", component: name, layers: [layer], heads: of, with: ablated, ...at }
        : { op: "ablate", component: name, layers: [layer], neurons: of, with: ablated, ...at },
    ),
});

const steered = (direction: "toward" | "away"): Shape => ({
  pattern: whole(`(${LAYER}):([^]+)`),
  expected: 'a layer and a token, such as "6: night"',
  spaces: true,
  make: ([, layer, token = ""], { steps, at }) => [
    { op: "steer", layer: Number(layer), [direction]: token, scale: steps, scale_by: "residual", ...at },
  ],
});

const patched = (name: "resid_pre" | "attn_out" | "mlp_out"): Shape => ({
  pattern: whole(`(${LAYER_LIST})`),
  expected: LAYERS,
  make: ([, list], { source, at }) => [{ op: "patch", component: name, layers: layers(list), source: source(), ...at }],
});

const times = (suffix: string | undefined) => (suffix === undefined ? {} : { times: Number(suffix) });

const SHAPES: Readonly<Record<string, Shape>> = {
  delete: layersOnly("delete"),
  swap: layersOnly("swap"),
  reverse: layersOnly("reverse"),
  repeat: {
    pattern: whole(`(${LAYER_LIST})(?:x(\\d+))?`),
    expected: `${LAYERS}, and how often in all, such as 4-5x3`,
    make: ([, list, count]) => [{ op: "repeat", layers: layers(list), ...times(count) }],
  },
  "repeat-span": {
    pattern: whole(`(${LAYER_LIST})(?:x(\\d+))?`),
    expected: "neighbours such as 4-5, and how often in all, such as 4-5x3",
    make: ([, list, count]) => [{ op: "repeat", layers: layers(list), mode: "span", ...times(count) }],
  },
  shuffle: {
    pattern: whole(`(${LAYER_LIST})(?::(\\d+))?`),
    expected: `${LAYERS}, and a seed, such as 2-9:7`,
    make: ([, list, seed]) => [{ op: "shuffle", layers: layers(list), ...(seed === undefined ? {} : { seed: Number(seed) }) }],
  },
  replace: {
    pattern: whole(`(${LAYER}):(${LAYER})`),
    expected: "a layer and the one that runs in its place, such as 3:7",
    make: ([, layer, other]) => [{ op: "replace", layer: Number(layer), with: Number(other) }],
  },
  exit: {
    pattern: whole(`(${LAYER})`),
    expected: "the last layer that runs, such as 6 or -2",
    make: ([, after]) => [{ op: "exit", after: Number(after) }],
  },
  order: {
    pattern: whole(String.raw`(${LAYER_RANGE}(?:\+${LAYER_RANGE})*(?:,${LAYER_RANGE}(?:\+${LAYER_RANGE})*)*)`),
    expected: "layers in the order they run, + for side by side, such as 0-3,4+5,6",
    make: ([, order = ""]) => [{ op: "order", layers: order.split(",").flatMap(orderPart) }],
  },
  parallel: {
    pattern: whole(`(${LAYER_LIST})(?:x(\\d+))?`),
    expected: "neighbours such as 4-6, and how often, such as 4-6x2",
    make: ([, list, count]) => [{ op: "parallel", layers: layers(list), ...times(count) }],
  },
  "ablate-attn": component("attn"),
  "ablate-mlp": component("mlp"),
  sublayers: {
    pattern: whole(String.raw`(${LAYER}(?:-${LAYER}|\.(?:attn|mlp))?(?:,${LAYER}(?:-${LAYER}|\.(?:attn|mlp))?)*)`),
    expected: "halves and whole layers in the order they run, such as 0.attn,0.mlp,1-5",
    make: ([, steps = ""]) => [{ op: "sublayers", steps: steps.split(",").flatMap(sublayer) }],
  },
  "ablate-head": ablatedParts("head"),
  "ablate-neuron": ablatedParts("neuron"),
  steer: steered("toward"),
  "steer-away": steered("away"),
  "patch-resid": patched("resid_pre"),
  "patch-attn": patched("attn_out"),
  "patch-mlp": patched("mlp_out"),
  "patch-head": {
    pattern: whole(PARTS),
    expected: "layer.head, such as 1.3, 1.3,2.4 or 1.0-3",
    make: ([, list = ""], { source, at }) =>
      parts(list).map(([layer, heads]) => ({ op: "patch", component: "head", layers: [layer], heads, source: source(), ...at })),
  },
};

/** The flags of `run` that change the model. */
export const INTERVENTION_FLAGS: Flags = {
  delete: { value: "LAYERS", help: "These layers do not run: 5, 2,3, 4-7, or from the end -1, -3--1, 4--1" },
  swap: { value: "A,B", help: "Two layers exchange places" },
  repeat: { value: "LAYERS[xN]", help: "Each of these runs N times (2): 4-5x3 is 4 4 4 5 5 5" },
  "repeat-span": { value: "LAYERS[xN]", help: "The span runs N times (2): 4-5 is 4 5 4 5" },
  reverse: { value: "LAYERS", help: "These run in the opposite order" },
  shuffle: { value: "LAYERS[:SEED]", help: "These run in an order drawn from the seed" },
  replace: { value: "A:B", help: "Layer B runs in the place of A" },
  exit: { value: "LAYER", help: "Stop after this layer and read out there" },
  order: { value: "LIST", help: "An explicit order, + for side by side: 0-3,4+5,6" },
  parallel: { value: "LAYERS[xN]", help: "Neighbours run side by side" },
  "ablate-attn": { value: "LAYERS", help: "The attention of these layers is silenced" },
  "ablate-mlp": { value: "LAYERS", help: "The MLP of these layers is silenced" },
  "ablate-head": { value: "L.H", help: "Heads are silenced: 1.3, 1.3,2.4 or 1.0-3" },
  "ablate-neuron": { value: "L.N", help: "Neurons are silenced: 3.17, 3.17,4.2 or 3.0-99" },
  scale: { value: "FACTOR", help: "What the ablated are multiplied with, instead of silenced (0)" },
  mean: { value: "DATASET[:TEXTS[:TOKENS]]", help: "The ablated get their mean over texts instead: prose-heldout:32:128" },
  sublayers: { value: "LIST", help: "Halves and whole layers in the order they run: 0.attn,0.mlp,1-5" },
  steer: { value: "LAYER:TOKEN", help: 'What this layer leaves is pushed toward a token: "6: night"' },
  "steer-away": { value: "LAYER:TOKEN", help: "The same, away from a token" },
  "steer-scale": { value: "NUMBER", help: "How far, in mean norms of the layer's stream (1)" },
  "patch-resid": { value: "LAYERS", help: "These layers read what they read with the prompt of --source" },
  "patch-attn": { value: "LAYERS", help: "Their attention adds what it adds there; --patch-mlp, --patch-head likewise" },
  "patch-mlp": { value: "LAYERS", help: "Their MLP adds what it adds there" },
  "patch-head": { value: "L.H", help: "Heads write what they write there: 1.3 or 1.0-3" },
  source: { value: "PROMPT", help: "The other prompt, of which patches take" },
  at: { value: "LIST", help: "Places where all of these ablate, steer and patch, such as 3,-1 (all)" },
};

/** What flags say of all operations of a kind. */
interface Modifiers {
  readonly ablated: Ablated;
  /** Mean norms that steering counts. */
  readonly steps: number;
  readonly at: { positions?: number[] };
  readonly source: () => ReturnType<typeof promptFields>;
}

type Ablated = Exclude<Extract<Operation, { op: "ablate" }>["with"], undefined>;

/** Flags that say something of operations, and the operations they need. */
const NEEDS = {
  scale: {
    ops: ["ablate"],
    what: "how far an ablation goes: give it with --ablate-attn, --ablate-mlp, --ablate-head or --ablate-neuron",
  },
  mean: {
    ops: ["ablate"],
    what: "what an ablation puts in: give it with --ablate-attn, --ablate-mlp, --ablate-head or --ablate-neuron",
  },
  "steer-scale": { ops: ["steer"], what: "how far steering goes: give it with --steer or --steer-away" },
  source: {
    ops: ["patch"],
    what: "where patches come from: give it with --patch-resid, --patch-attn, --patch-mlp or --patch-head",
  },
  at: { ops: ["ablate", "steer", "patch"], what: "where layers are ablated, steered or patched: give it with one of those" },
} as const;

/** The operations that a command line asks for. */
export function operationsOf(line: CommandLine): Operation[] {
  const operations = operationsByFlag(line).map(({ operation }) => operation);
  for (const [name, { ops, what }] of Object.entries(NEEDS)) {
    const used = operations.some(({ op }) => (ops as readonly string[]).includes(op));
    if (flagValue(line, name) !== undefined && !used) throw new UsageError(`--${name} says ${what}.`);
  }
  return operations;
}

/** Which flag says what of each operation of the body. */
export function operationFields(line: CommandLine): FieldFlags {
  return operationsByFlag(line).flatMap(({ flag }, i): FieldFlags => {
    const at = (field: string) => new RegExp(`^/interventions/${i}${field}$`);
    return [
      [at("/positions(?:/.*)?"), "--at"],
      [at("/source(?:/.*)?"), "--source"],
      [at("/with/mean(?:/.*)?"), "--mean"],
      [at("/with/scale"), "--scale"],
      [at("/scale"), "--steer-scale"],
      [at("(?:/.*)?"), `--${flag}`],
    ];
  });
}

/** In the order typed, each with the flag that it is of. */
function operationsByFlag(line: CommandLine): { readonly flag: string; readonly operation: Operation }[] {
  const modifiers: Modifiers = {
    ablated: ablatedOf(line),
    steps: number(line, "steer-scale", "2") ?? 1,
    at: atOf(flagValue(line, "at")),
    source: () => sourceOf(line),
  };
  return line.given.flatMap(({ name, value }) => {
    const shape = Object.hasOwn(SHAPES, name) ? SHAPES[name] : undefined;
    if (!shape) return [];
    const match = shape.pattern.exec(shape.spaces ? value : value.replaceAll(" ", ""));
    if (!match) throw new UsageError(`--${name} is ${JSON.stringify(value)}; it must be ${shape.expected}.`);
    return shape.make(match, modifiers).map((operation) => ({ flag: name, operation }));
  });
}

function number(line: CommandLine, name: string, example: string): number | null {
  const text = flagValue(line, name);
  if (text === undefined) return null;
  if (text.trim() === "" || !Number.isFinite(Number(text)))
    throw new UsageError(`--${name} is ${JSON.stringify(text)}; it must be a number such as ${example}.`);
  return Number(text);
}

function ablatedOf(line: CommandLine): Ablated {
  const scale = number(line, "scale", "0.5");
  const mean = flagValue(line, "mean");
  if (mean === undefined) return scale === null || scale === 0 ? "zero" : { scale };
  if (scale !== null) throw new UsageError("--scale and --mean exclude each other: give one of them.");
  const [, dataset, texts, tokens] = /^([^:]+)(?::(\d{1,9}))?(?::(\d{1,9}))?$/.exec(mean) ?? [];
  if (dataset === undefined)
    throw new UsageError(
      `--mean is ${JSON.stringify(mean)}; it must be a data set, how many texts, and tokens of each, such as prose-heldout:32:128.`,
    );
  const counts = {
    ...(texts === undefined ? {} : { texts: Number(texts) }),
    ...(tokens === undefined ? {} : { tokens_per_text: Number(tokens) }),
  };
  return { mean: { dataset, ...counts } };
}

function atOf(text: string | undefined): { positions?: number[] } {
  return text === undefined ? {} : { positions: places("at", text, "places such as 3,-1") };
}

function sourceOf(line: CommandLine): ReturnType<typeof promptFields> {
  const prompt = flagValue(line, "source");
  if (prompt === undefined) throw new UsageError("--source is missing: the other prompt, of which patches take.");
  return promptFields(line, prompt);
}

function orderPart(part: string): (number | number[])[] {
  return part.includes("+") ? [part.split("+").flatMap((one) => numbers(one))] : numbers(part);
}

function sublayer(part: string): { layer: number; component?: "attn" | "mlp" }[] {
  const [layer, half] = part.split(".");
  if (half === "attn" || half === "mlp") return [{ layer: Number(layer), component: half }];
  return numbers(part).map((each) => ({ layer: each }));
}
