/** Intervention flags → operations of the API, in the order typed. What the layers may be is the server's to say. */
import type { RunRequestInput } from "../schemas/run-request.ts";
import type { CommandLine, Flags } from "./flags.ts";
import { flagValue } from "./flags.ts";
import { UsageError } from "./usage-error.ts";

type Operation = NonNullable<RunRequestInput["interventions"]>[number];

const LAYERS = "a list of layers such as 5, 2,3 or 4-7";

interface Shape {
  readonly pattern: RegExp;
  readonly expected: string;
  readonly make: (match: RegExpExecArray, scale: number | null) => Operation[];
}

const LIST = String.raw`\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*`;
const whole = (source: string) => new RegExp(`^${source}$`);

const layersOnly = (op: "delete" | "swap" | "reverse"): Shape => ({
  pattern: whole(`(${LIST})`),
  expected: op === "swap" ? "two layers such as 2,3" : LAYERS,
  make: ([, layers]) => [{ op, layers: numbers(layers) }],
});

const component = (name: "attn" | "mlp"): Shape => ({
  pattern: whole(`(${LIST})`),
  expected: LAYERS,
  make: ([, layers], scale) => [{ op: "ablate", component: name, layers: numbers(layers), with: scaled(scale) }],
});

const times = (suffix: string | undefined) => (suffix === undefined ? {} : { times: Number(suffix) });

const SHAPES: Readonly<Record<string, Shape>> = {
  delete: layersOnly("delete"),
  swap: layersOnly("swap"),
  reverse: layersOnly("reverse"),
  repeat: {
    pattern: whole(`(${LIST})(?:x(\\d+))?`),
    expected: `${LAYERS}, and how often in all, such as 4-5x3`,
    make: ([, layers, count]) => [{ op: "repeat", layers: numbers(layers), ...times(count) }],
  },
  "repeat-span": {
    pattern: whole(`(${LIST})(?:x(\\d+))?`),
    expected: "neighbours such as 4-5, and how often in all, such as 4-5x3",
    make: ([, layers, count]) => [{ op: "repeat", layers: numbers(layers), mode: "span", ...times(count) }],
  },
  shuffle: {
    pattern: whole(`(${LIST})(?::(\\d+))?`),
    expected: `${LAYERS}, and a seed, such as 2-9:7`,
    make: ([, layers, seed]) => [
      { op: "shuffle", layers: numbers(layers), ...(seed === undefined ? {} : { seed: Number(seed) }) },
    ],
  },
  replace: {
    pattern: whole(String.raw`(\d+):(\d+)`),
    expected: "a layer and the one that runs in its place, such as 3:7",
    make: ([, layer, other]) => [{ op: "replace", layer: Number(layer), with: Number(other) }],
  },
  exit: {
    pattern: whole(String.raw`(\d+)`),
    expected: "the last layer that runs, such as 6",
    make: ([, after]) => [{ op: "exit", after: Number(after) }],
  },
  order: {
    pattern: whole(String.raw`(\d+(?:[-+]\d+)*(?:,\d+(?:[-+]\d+)*)*)`),
    expected: "layers in the order they run, + for side by side, such as 0-3,4+5,6",
    make: ([, order = ""]) => [{ op: "order", layers: order.split(",").flatMap(orderPart) }],
  },
  parallel: {
    pattern: whole(`(${LIST})(?:x(\\d+))?`),
    expected: "neighbours such as 4-6, and how often, such as 4-6x2",
    make: ([, layers, count]) => [{ op: "parallel", layers: numbers(layers), ...times(count) }],
  },
  "ablate-attn": component("attn"),
  "ablate-mlp": component("mlp"),
  "ablate-head": {
    pattern: whole(String.raw`(\d+\.\d+(?:-\d+)?(?:,\d+\.\d+(?:-\d+)?)*)`),
    expected: "layer.head, such as 1.6, 1.6,2.3 or 1.0-3",
    make: ([, heads = ""], scale) =>
      heads.split(",").map((part) => {
        const [layer, list] = part.split(".");
        return { op: "ablate", component: "head", layers: [Number(layer)], heads: numbers(list), with: scaled(scale) };
      }),
  },
};

/** The flags of `run` that change the model. */
export const INTERVENTION_FLAGS: Flags = {
  delete: { value: "LAYERS", help: "These layers do not run: 5, 2,3 or 4-7" },
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
  "ablate-head": { value: "L.H", help: "Heads are silenced: 1.6, 1.6,2.3 or 1.0-3" },
  scale: { value: "FACTOR", help: "What the ablated are multiplied with, instead of silenced (0)" },
};

/** The operations that a command line asks for. */
export function operationsOf(line: CommandLine): Operation[] {
  const text = flagValue(line, "scale");
  const scale = text === undefined ? null : Number(text);
  if (scale !== null && (text?.trim() === "" || !Number.isFinite(scale)))
    throw new UsageError(`--scale is ${JSON.stringify(text)}; it must be a number such as 0.5.`);
  const operations = line.given.flatMap(({ name, value }) => {
    const shape = Object.hasOwn(SHAPES, name) ? SHAPES[name] : undefined;
    if (!shape) return [];
    const match = shape.pattern.exec(value.replaceAll(" ", ""));
    if (!match) throw new UsageError(`--${name} is ${JSON.stringify(value)}; it must be ${shape.expected}.`);
    return shape.make(match, scale);
  });
  if (scale !== null && !operations.some((operation) => operation.op === "ablate"))
    throw new UsageError("--scale says how far an ablation goes: give it with --ablate-attn, --ablate-mlp or --ablate-head.");
  return operations;
}

const MAX_RANGE = 4096; // no model is deeper; keeps 0-999999999 from filling the memory

/** "2,4-6" → [2, 4, 5, 6]; "6-4" counts down. */
function numbers(list = ""): number[] {
  return list.split(",").flatMap((part) => {
    const [from = 0, to = from] = part.split("-").map(Number);
    const length = Math.abs(to - from) + 1;
    if (length > MAX_RANGE) throw new UsageError(`${part} is a range of ${length} layers; at most ${MAX_RANGE} can be written.`);
    return Array.from({ length }, (_, i) => (to < from ? from - i : from + i));
  });
}

function orderPart(part: string): (number | number[])[] {
  return part.includes("+") ? [part.split("+").flatMap((one) => numbers(one))] : numbers(part);
}

function scaled(scale: number | null): "zero" | { scale: number } {
  return scale === null || scale === 0 ? "zero" : { scale };
}
