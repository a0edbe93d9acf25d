/**
 * An architecture is data: the keys of config.json with their defaults, the names and layouts of the tensors, and
 * the shape of the block. One interpreter (checkpoint/interpret.ts) reads them all; a dense family that recombines
 * these parts is one more file.
 */
import type { Activation } from "../model-spec.ts";

/** A value of config.json: its keys, the newest spelling first (a dot descends), and what holds where none is there. */
export interface ConfigKey<T> {
  readonly keys: readonly string[];
  /** Absent: the key must be there. */
  readonly default?: T;
}

/** A size that may be derived from others where config.json leaves it out or null. */
export type Derived = "4·d_model" | "n_heads" | "d_model/n_heads";

export interface LinearNames {
  /** Tensor names; {i} is the block. */
  readonly weight: string;
  readonly bias: string | null;
  readonly layout: "in_out" | "out_in";
}

export interface NormNames {
  readonly weight: string;
  readonly bias: string | null;
}

export interface RotaryKeys {
  readonly fraction: ConfigKey<number>;
  readonly theta: ConfigKey<number>;
}

export interface Architecture {
  readonly modelType: string;
  readonly family: string;
  readonly config: {
    readonly nLayers: ConfigKey<number>;
    readonly dModel: ConfigKey<number>;
    readonly nHeads: ConfigKey<number>;
    readonly kvHeads: ConfigKey<number | Derived>;
    readonly headDim: ConfigKey<number | Derived>;
    readonly dMlp: ConfigKey<number | Derived>;
    readonly vocabSize: ConfigKey<number>;
    readonly contextLength: ConfigKey<number>;
    readonly epsilon: ConfigKey<number>;
    readonly activation: ConfigKey<string>;
    readonly tied: ConfigKey<boolean>;
    /** Multiply scores by 1/√d_head? */
    readonly scaleAttention: ConfigKey<boolean>;
    /** Divide them by (block + 1) as well? */
    readonly scaleByInverseLayer: ConfigKey<boolean>;
    /** True where attention and MLP read the same residual stream. */
    readonly parallel: ConfigKey<boolean>;
  };
  /** Keys that change the computation in a way that is not built: only these values are accepted (or absence). */
  readonly accepted: Readonly<Record<string, readonly unknown[]>>;
  /** Prefixes that all names may carry, in the order in which they are tried. */
  readonly prefixes: readonly string[];
  readonly activations: Readonly<Record<string, Activation>>;
  readonly norm: "layer" | "rms";
  readonly rotary: RotaryKeys | null;
  readonly tensors: {
    readonly tokenEmbedding: string;
    readonly positionEmbedding: string | null;
    readonly attnNorm: NormNames;
    /** null: shared with the attention (parallel blocks). */
    readonly mlpNorm: NormNames | null;
    readonly qkv:
      | ({ readonly kind: "fused"; readonly order: "parts" | "heads" } & LinearNames)
      | { readonly kind: "split"; readonly q: LinearNames; readonly k: LinearNames; readonly v: LinearNames };
    readonly attnOut: LinearNames;
    readonly mlp:
      | { readonly kind: "plain"; readonly up: LinearNames; readonly down: LinearNames }
      | { readonly kind: "gated"; readonly gate: LinearNames; readonly up: LinearNames; readonly down: LinearNames };
    readonly finalNorm: NormNames;
    /** Of an untied unembed; it never carries the prefix. */
    readonly unembed: LinearNames;
  };
}
