/**
 * A checkpoint, read and checked: every size, and every tensor with its place in a file. `checkpoint/open.ts`
 * makes one from a folder and an architecture; `graph/` writes ONNX from it. Nothing after this knows a family.
 */

export type TensorType = "F32" | "F16" | "BF16";

/** A tensor's bytes, in place in a safetensors file. */
export interface TensorRef {
  readonly name: string;
  /** Real, absolute path. */
  readonly file: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
  readonly length: number;
}

export interface NormSpec {
  readonly kind: "layer" | "rms";
  /** [d_model] */
  readonly weight: TensorRef;
  readonly bias: TensorRef | null;
  readonly epsilon: number;
}

/** y = x·W + b. `in_out`: W is stored [in, out] (Conv1D); `out_in`: [out, in] (nn.Linear). */
export interface LinearSpec {
  readonly weight: TensorRef;
  readonly bias: TensorRef | null;
  readonly layout: "in_out" | "out_in";
  readonly inFeatures: number;
  readonly outFeatures: number;
}

export interface RotarySpec {
  /** How many of a head's first dimensions turn; pairs are half-split (i with i + dims/2). */
  readonly dims: number;
  /** Radians per position, [dims / 2], scaling applied. */
  readonly inverseFrequencies: readonly number[];
}

export type QkvSpec =
  /** `parts`: columns are [Q | K | V]; `heads`: ordered (head, q|k|v, d_head). */
  | { readonly kind: "fused"; readonly order: "parts" | "heads"; readonly linear: LinearSpec }
  | { readonly kind: "split"; readonly q: LinearSpec; readonly k: LinearSpec; readonly v: LinearSpec };

export interface AttentionSpec {
  readonly qkv: QkvSpec;
  readonly out: LinearSpec;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** What scores are multiplied with before the softmax. */
  readonly scale: number;
  readonly rotary: RotarySpec | null;
}

export type Activation = "gelu" | "gelu_tanh" | "silu" | "relu";

export type MlpSpec =
  | { readonly kind: "plain"; readonly up: LinearSpec; readonly down: LinearSpec; readonly activation: Activation }
  | {
      readonly kind: "gated";
      readonly gate: LinearSpec;
      readonly up: LinearSpec;
      readonly down: LinearSpec;
      readonly activation: Activation;
    };

export interface BlockSpec {
  /** `parallel`: x + attn(n1(x)) + mlp(n2(x)); otherwise x′ = x + attn(n1(x)), x′ + mlp(n2(x′)). */
  readonly parallel: boolean;
  readonly attnNorm: NormSpec;
  /** null: the attention's norm is shared (parallel blocks only). */
  readonly mlpNorm: NormSpec | null;
  readonly attention: AttentionSpec;
  readonly mlp: MlpSpec;
}

export interface ModelSpec {
  readonly family: string;
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  readonly dMlp: number;
  /** Rows of the unembed, padding included. */
  readonly vocabSize: number;
  /** Ids that the tokenizer knows are below this; rows above are padding. At most vocabSize. */
  readonly tokenCount: number;
  readonly contextLength: number;
  /** [vocab, d_model] */
  readonly tokenEmbedding: TensorRef;
  /** [context, d_model], where positions are learned. */
  readonly positionEmbedding: TensorRef | null;
  readonly blocks: readonly BlockSpec[];
  readonly finalNorm: NormSpec;
  /** [vocab, d_model] stored out_in; tied: the token embedding itself. */
  readonly unembed: LinearSpec;
  /** Hash of config, tokenizer, safetensors headers and a sample of every tensor's bytes. */
  readonly revision: string;
  /** Sum over the used tensors: bytes on disk, and as float32. */
  readonly diskBytes: number;
  readonly float32Bytes: number;
}
