/**
 * What a family of models is, as data: where its configuration keeps what, what its tensors are called, how its blocks
 * are put together. `checkpoint/interpret.ts` reads every one of them; a new family is a new file and no code.
 */
import type { Activation } from "../model-spec.ts";

/** A value of config.json: under the first of `keys` that is there and not null, or else the default of transformers. */
export interface Setting<T> {
  /** Dots go into objects: `rope_parameters.rope_theta`. None: the family always has the default. */
  readonly keys: readonly string[];
  readonly default: T;
}

/** A linear map's tensors: `name.weight` and, where it has one, `name.bias`. */
export interface LinearTable {
  /** `{base}` stands for the prefix found, `{i}` for the block. */
  readonly name: string;
  /** `in_out`: stored [in, out] (Conv1D); `out_in`: [out, in] (nn.Linear). */
  readonly layout: "in_out" | "out_in";
  readonly bias: Setting<boolean>;
}

export interface NormTable {
  readonly kind: "layer" | "rms";
  readonly name: string;
  readonly bias: boolean;
}

export type QkvTable =
  /** `parts`: columns are [Q | K | V]; `heads`: ordered (head, q|k|v, d_head). */
  | { readonly kind: "fused"; readonly order: "parts" | "heads"; readonly linear: LinearTable }
  | { readonly kind: "split"; readonly q: LinearTable; readonly k: LinearTable; readonly v: LinearTable };

export interface RotaryTable {
  /** The part of a head that turns. */
  readonly fraction: Setting<number>;
  /** The base of the frequencies. */
  readonly theta: Setting<number>;
  /** Keys of the object, the first that is there, that says how frequencies are scaled (`rope_type`, older `type`, and its figures). */
  readonly scaling: readonly string[];
}

export type MlpTable =
  | { readonly kind: "plain"; readonly up: LinearTable; readonly down: LinearTable }
  | { readonly kind: "gated"; readonly gate: LinearTable; readonly up: LinearTable; readonly down: LinearTable };

export interface Architecture {
  /** `model_type` of config.json; also what the family is called. */
  readonly modelType: string;
  readonly sizes: {
    readonly layers: Setting<number>;
    readonly dModel: Setting<number>;
    readonly heads: Setting<number>;
    /** null: as many as heads. */
    readonly kvHeads: Setting<number | null>;
    /** null: d_model / heads. */
    readonly headDim: Setting<number | null>;
    /** null: 4 · d_model. */
    readonly dMlp: Setting<number | null>;
    readonly vocab: Setting<number>;
    readonly context: Setting<number>;
  };
  readonly normEpsilon: Setting<number>;
  readonly activation: Setting<string>;
  /** What tensor names may begin with, the longest first; the first that a file has is its `{base}`. */
  readonly bases: readonly string[];
  /** [vocab, d_model] */
  readonly tokenEmbedding: string;
  /** [context, d_model]; null: positions are not learned. */
  readonly positionEmbedding: string | null;
  readonly block: {
    readonly parallel: Setting<boolean>;
    readonly attnNorm: NormTable;
    /** null: the attention's norm is shared (parallel blocks only). */
    readonly mlpNorm: NormTable | null;
    readonly qkv: QkvTable;
    readonly attnOut: LinearTable;
    /** Scores are multiplied with 1/√d_head, and with 1/(block + 1), where these are true. */
    readonly scaledByHeadDim: Setting<boolean>;
    readonly scaledByBlock: Setting<boolean>;
    readonly rotary: RotaryTable | null;
    readonly mlp: MlpTable;
  };
  readonly finalNorm: NormTable;
  /** Tied: the weight is the token embedding, whatever else the file has; a bias stays. */
  readonly unembed: LinearTable & { readonly tied: Setting<boolean> };
  /** Keys that change what is computed, with the values, or items of a list, under which nothing changes. Absent and null always do. */
  readonly refused: readonly { readonly key: string; readonly allowed: readonly unknown[] }[];
}

/** The value under a key (or its second spelling), or transformers' default. */
export function setting<T>(keys: string | readonly string[], fallback: T): Setting<T> {
  return { keys: typeof keys === "string" ? [keys] : keys, default: fallback };
}

/** What a family always has. */
export function always<T>(value: T): Setting<T> {
  return { keys: [], default: value };
}

/** Refused in every family: weights that are not plain numbers, and models that are no decoders. */
export const REFUSED_EVERYWHERE: Architecture["refused"] = [
  { key: "quantization_config", allowed: [] },
  { key: "is_encoder_decoder", allowed: [false] },
];

/** Activations by their name in transformers. */
export const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ["gelu", "gelu"],
  ["gelu_new", "gelu_tanh"],
  ["gelu_fast", "gelu_tanh"],
  ["gelu_pytorch_tanh", "gelu_tanh"],
  ["relu", "relu"],
  ["silu", "silu"],
  ["swish", "silu"],
]);

/** The object itself, with everything in it, made unchangeable. */
export function frozen<T extends object>(value: T): Readonly<T> {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) frozen(part);
  return Object.freeze(value);
}
