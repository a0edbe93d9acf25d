import type { Architecture, LinearTable, NormTable } from "../architectures/architecture.ts";
import type { LinearSpec, NormSpec, TensorRef, TensorType } from "../model-spec.ts";
import type { ConfigReader } from "./config.ts";
import { quote } from "./problems.ts";
import type { Weights } from "./weights.ts";

/** Finds a family's tensors by their templates; what is missing or of another shape or dtype is added to the problems. */
export class TensorFinder {
  readonly #weights: Weights;
  readonly #config: ConfigReader;
  readonly #problems: string[];
  readonly #base: string;
  readonly #used = new Map<string, TensorRef>();
  readonly #missed = new Set<string>();

  constructor(weights: Weights, config: ConfigReader, { bases }: Architecture, problems: string[]) {
    const names = [...weights.tensors.keys()];
    this.#weights = weights;
    this.#config = config;
    this.#problems = problems;
    this.#base = bases.find((base) => names.some((name) => name.startsWith(base))) ?? bases[0] ?? "";
  }

  /** Every tensor found so far, each once. */
  get used(): TensorRef[] {
    return [...this.#used.values()];
  }

  /** The tensor of a name, which must have this shape. What is returned for a missing one is of no use. */
  find(template: string, shape: readonly number[], block = 0): TensorRef {
    const name = template.replace("{base}", this.#base).replace("{i}", String(block));
    const known = this.#used.get(name);
    if (known) return known;
    const stored = this.#weights.tensors.get(name);
    const type = TYPES.get(stored?.dtype ?? "");
    const place = `${this.#weights.name}: tensor ${quote(name)}`;
    if (stored === undefined && !this.#missed.has(name)) this.#problems.push(`${place} of shape ${quote(shape)} is missing`);
    if (stored && !type) this.#problems.push(`${place} has dtype ${stored.dtype}; F32, F16 or BF16 is expected`);
    if (stored && !isSameShape(stored.shape, shape))
      this.#problems.push(`${place} has shape ${quote(stored.shape)}; ${quote(shape)} is expected`);
    if (!stored || !type) {
      this.#missed.add(name);
      return { name, file: "", type: "F32", shape, offset: 0, length: 0 };
    }
    const found: TensorRef = { name, file: stored.file, type, shape: stored.shape, offset: stored.offset, length: stored.length };
    this.#used.set(name, found);
    return found;
  }

  /** `weight`: the tensor's template where it is not the map's own (a tied unembed). */
  linear(
    { name, layout, bias }: LinearTable,
    inFeatures: number,
    outFeatures: number,
    block = 0,
    weight = `${name}.weight`,
  ): LinearSpec {
    return {
      weight: this.find(weight, layout === "in_out" ? [inFeatures, outFeatures] : [outFeatures, inFeatures], block),
      bias: this.#config.flag(bias) ? this.find(`${name}.bias`, [outFeatures], block) : null,
      layout,
      inFeatures,
      outFeatures,
    };
  }

  norm({ kind, name, bias }: NormTable, features: number, epsilon: number, block = 0): NormSpec {
    return {
      kind,
      weight: this.find(`${name}.weight`, [features], block),
      bias: bias ? this.find(`${name}.bias`, [features], block) : null,
      epsilon,
    };
  }
}

const TYPES: ReadonlyMap<string, TensorType> = new Map((["F32", "F16", "BF16"] as const).map((type) => [type, type]));

function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
