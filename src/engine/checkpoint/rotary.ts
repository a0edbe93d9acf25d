/** Rotary position embedding: radians per position of every pair of a head's dimensions. */
import type { RotaryTable } from "../architectures/architecture.ts";
import type { RotarySpec } from "../model-spec.ts";
import type { ConfigReader } from "./config.ts";
import { isObject, type JsonObject } from "./files.ts";
import { quote } from "./problems.ts";

/** No published head is wider than 512. */
export const MAX_ROTARY_DIMS = 65_536;

/** Reads a family's rotary settings in either spelling; what is not implemented is added to the problems, by name. */
export function readRotary(config: ConfigReader, table: RotaryTable, headDim: number, problems: string[]): RotarySpec {
  const dims = Math.floor(headDim * config.positive(table.fraction, 1));
  const theta = config.positive(table.theta);
  if (dims % 2 !== 0 || dims < 2 || dims > MAX_ROTARY_DIMS) {
    problems.push(
      `config.json: ${dims} of a head's ${headDim} dimensions are rotary; an even number from 2 to ${MAX_ROTARY_DIMS} is expected`,
    );
    return { dims: 0, inverseFrequencies: [] };
  }
  const plain = Array.from({ length: dims / 2 }, (_, i) => theta ** ((-2 * i) / dims)); // [dims / 2]
  const scaling = config.object(table.scaling);
  if (!scaling) return { dims, inverseFrequencies: plain };
  for (const [name, nested] of Object.entries(scaling.value))
    if (isObject(nested)) problems.push(`config.json: ${scaling.key}.${name} ${quote(nested)} is not supported`); // by kind of layer
  const type = scaling.value.rope_type ?? scaling.value.type ?? "default";
  const scale = SCALINGS.get(type as string);
  if (scale) return { dims, inverseFrequencies: scale(plain, figuresOf(scaling.key, scaling.value, problems)) };
  problems.push(
    `config.json: ${scaling.key}.rope_type ${quote(type)} is not supported; only ${[...SCALINGS.keys()].join(" or ")} is`,
  );
  return { dims, inverseFrequencies: plain };
}

type Figures = (name: string) => number;

const SCALINGS: ReadonlyMap<string, (plain: readonly number[], figure: Figures) => readonly number[]> = new Map([
  ["default", (plain: readonly number[]) => plain],
  ["llama3", llama3],
]);

/** Long waves are slowed by `factor`, short ones kept, those between blended: linearly in context / wavelength. */
function llama3(plain: readonly number[], figure: Figures): readonly number[] {
  const [factor, low, high, context] = [
    figure("factor"),
    figure("low_freq_factor"),
    figure("high_freq_factor"),
    figure("original_max_position_embeddings"),
  ];
  return plain.map((frequency) => {
    const turns = (context * frequency) / (2 * Math.PI); // in the context the model was first trained with
    if (turns < low) return frequency / factor;
    if (turns > high) return frequency;
    const kept = (turns - low) / (high - low);
    return ((1 - kept) * frequency) / factor + kept * frequency;
  });
}

function figuresOf(key: string, scaling: JsonObject, problems: string[]): Figures {
  return (name) => {
    const value = scaling[name];
    if (typeof value === "number" && value > 0) return value;
    problems.push(`config.json: ${key}.${name} is ${quote(value)}; a number above 0 is expected`);
    return 1;
  };
}
