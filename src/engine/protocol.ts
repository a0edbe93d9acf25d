/**
 * What server and engine say to each other: plain data, sent as msgpack frames. The engine knows no HTTP and no
 * text; it speaks of token ids, schedules and numbers.
 */
import type { ProblemData } from "../problem.ts";
import type { Schedule } from "./schedule.ts";

export type Lens = "standard" | "frozen-norm";

/** `sums` is for means of sites over many texts: per block, over the positions from 1 on. */
export type CaptureName =
  | "norms"
  | "patterns"
  | "attention_locality"
  | "head_norms"
  | "neurons"
  | "residuals"
  | "components"
  | "attribution"
  | "sums"
  | "z"
  | "mlp_act";

/** Which neurons' activations a capture of `neurons` gives. */
export interface NeuronSpec {
  /** Per block and position the most active by absolute value; 0: none. */
  readonly top: number;
  /** Per block those named, ascending. */
  readonly chosen: readonly { readonly block: number; readonly neurons: readonly number[] }[];
}

/** What edits add. */
export type VectorSpec =
  /** `key`: a hash of the values; equal keys, equal vectors. As wide as the site where it is added. */
  | { readonly kind: "values"; readonly key: string; readonly values: Float32Array }
  /**
   * Unit vector along γ_f ⊙ W_U[token], centred over the vocabulary: `toward` one token, against `away`, or the
   * difference of the two. [d_model]
   */
  | { readonly kind: "direction"; readonly toward: number | null; readonly away: number | null };

/** Another prompt, run untouched beside the job's own: what `patch` takes its values from. */
export interface SourceSpec {
  readonly tokens: readonly number[];
}

export interface ReadoutSpec {
  /** Places in `tokens` to read out, ascending. */
  readonly positions: readonly number[];
  /** Read out after every step (and the embedding), or after the last step of each schedule only. */
  readonly layers: "all" | "final";
  readonly topK: number;
  readonly lens: Lens;
  /** Token ids followed through the layers. */
  readonly targets: readonly number[];
  /** Ranks are not counted, and 0: three walks over the logits less. */
  readonly ranks?: false;
}

/** One prompt under any number of schedules. */
export interface RunJob {
  readonly id: string;
  /** The model's id: a folder of MODELS_DIR. */
  readonly model: string;
  /** Of the files that the run was prepared for; a model that was loaded from others is loaded anew. Absent: whatever is held. */
  readonly revision?: string;
  readonly tokens: readonly number[];
  readonly schedules: readonly Schedule[];
  /** Index in `schedules` of the baseline that the others are compared with, or null. */
  readonly baseline: number | null;
  readonly readout: ReadoutSpec;
  readonly capture: readonly CaptureName[];
  /**
   * Places that captures are of, ascending, where they are not those read out: whole streams are captured without a read-out
   * of every position. Not of head_norms and attribution.
   */
  readonly capturePositions?: readonly number[];
  /** Captures but norms are of steps with one of these blocks alone (and of the embedding); absent: of all. */
  readonly captureBlocks?: readonly number[];
  /** With the capture `neurons`. */
  readonly neurons?: NeuronSpec;
  readonly vectors?: readonly VectorSpec[];
  readonly sources?: readonly SourceSpec[];
  /**
   * Index in `sources` of the prompt whose logit differences are 1 where the baseline's are 0: final read-outs then
   * carry `effect`. Needs a baseline, targets in pairs, and the positions read out to exist in the source.
   */
  readonly normalise?: number;
  /** Attention weights at these places alone, of every block that attends: whole patterns need not cross the pipe. */
  readonly cells?: readonly PatternCell[];
  /**
   * Only the result and the captures are read: a step with no captures has no layer event, and events carry no read-out
   * unless `readout.layers` is `all`.
   */
  readonly quiet?: true;
  readonly priority: "interactive" | "background";
}

/** A place of an attention pattern: positions in the prompt. Above the diagonal (key > query) weights are 0. */
export interface PatternCell {
  readonly query: number;
  readonly key: number;
}

/** A read-out of P positions; every array is [P] or row-major [P, k] and [P, m]. */
export interface ReadoutRows {
  /** [P, topK] token ids, most likely first; fewer than topK ids exist in a tiny vocabulary: then k is smaller. */
  readonly topIds: Int32Array;
  /** [P, topK] natural-log probabilities. */
  readonly topLogprobs: Float32Array;
  /** [P] The most likely row of the vocabulary, padding included: another than the first id where that is a row of padding. */
  readonly topRows: Int32Array;
  /** [P] */
  readonly entropyBits: Float32Array;
  /** [P, 1 + targets]: first the prompt's next token (−1: there is none), then the job's targets. */
  readonly followedIds: Int32Array;
  /** [P, 1 + targets] logits, natural-log probabilities and ranks (1 is the top) of those ids. */
  readonly followedLogits: Float32Array;
  readonly followedLogprobs: Float32Array;
  readonly followedRanks: Int32Array;
}

/** Euclidean norms at the P positions read out; null: the component did not run. */
export interface NormRows {
  readonly attnOut: Float32Array | null;
  readonly mlpOut: Float32Array | null;
  readonly residPost: Float32Array;
}

/** The attention weights of one block of a step. */
export interface PatternRows {
  readonly block: number;
  /** [head, query, key], row-major, over all T positions; zero above the diagonal. */
  readonly weights: Float32Array;
}

/** The attention weights of one block of a step at the job's cells. */
export interface CellRows {
  readonly block: number;
  /** [head, cell], row-major */
  readonly weights: Float32Array;
}

/** Attention to the previous k = 1 … 16 offsets (arXiv 2406.19384, figure 4), per head: rows [k−1][head]. */
export interface LocalityRows {
  readonly block: number;
  readonly perCell: readonly (readonly number[])[];
  readonly total: readonly (readonly number[])[];
  readonly totalWithoutBos: readonly (readonly number[])[];
}

/** Norms of what each head wrote: ‖z_h W_O[h]‖₂. */
export interface HeadNormRows {
  readonly block: number;
  /** [P, H] */
  readonly norms: Float32Array;
}

/** Activations of some neurons: the input of the MLP's output projection. */
export interface NeuronRows {
  readonly block: number;
  /** [P, k]: chosen ones in their order, then the top ones by falling absolute value. */
  readonly ids: Int32Array;
  /** [P, k] */
  readonly values: Float32Array;
}

/** What a block's components added, [P, d] each; null: the component did not run. */
export interface ComponentRows {
  readonly block: number;
  readonly attnOut: Float32Array | null;
  readonly mlpOut: Float32Array | null;
}

/** A site's values at the P positions read out: z is [P, H · d_head], mlp_act [P, d_mlp]. */
export interface SiteRows {
  readonly block: number;
  readonly site: "z" | "mlp_act";
  readonly values: Float32Array;
}

/** Sums of a site's values over the prompt's positions from 1 on: z is [H · d_head]. */
export interface SumRows {
  readonly block: number;
  readonly site: "z" | "attn_out" | "mlp_act" | "mlp_out";
  readonly values: Float64Array;
}

/**
 * Direct logit attribution of one variant: what each part wrote along γ_f ⊙ W_U[target], in logits, with the final
 * norm's scale of this variant. [P, m] each, m targets. embedding + Σ (attn + mlp + edit) + bias = logit.
 */
export interface Attribution {
  readonly embedding: Float32Array;
  /** [m]: W_U[target] · β_f + b_U[target] */
  readonly bias: Float32Array;
  readonly steps: readonly {
    readonly step: number;
    /** In a parallel group each block has its share of the mean. */
    readonly blocks: readonly {
      readonly block: number;
      /** null: the component did not run. */
      readonly attn: Float32Array | null;
      readonly mlp: Float32Array | null;
      /** [P, H, m]; with the output projection's bias (and edits at attn_out) they add up to attn. */
      readonly heads: Float32Array | null;
    }[];
    /** What edits of the residual stream itself added; null: there are none. */
    readonly edit: Float32Array | null;
  }[];
}

/** A step has run (step 0: the embedding). Schedules that share the step share the event. */
export interface LayerEvent {
  readonly type: "layer";
  /** Indices in the job's `schedules`. */
  readonly variants: readonly number[];
  /** 0: the embedding; n: after the schedule's n-th step. */
  readonly step: number;
  readonly readout?: ReadoutRows;
  readonly norms?: NormRows;
  readonly patterns?: readonly PatternRows[];
  readonly cells?: readonly CellRows[];
  readonly locality?: readonly LocalityRows[];
  readonly headNorms?: readonly HeadNormRows[];
  readonly neurons?: readonly NeuronRows[];
  /** [P, d] the stream after the step. */
  readonly residual?: Float32Array;
  readonly components?: readonly ComponentRows[];
  readonly sums?: readonly SumRows[];
  readonly sites?: readonly SiteRows[];
  /** Last step of a variant, with `normalise`: [P, pairs of targets] (Δ − Δ_baseline) / (Δ_source − Δ_baseline). */
  readonly effect?: Float32Array;
}

/** Between the baseline and one variant; every array is [P]. KL(baseline ‖ variant) in nats. */
export interface Comparison {
  readonly variant: number;
  readonly klNats: Float64Array;
  /** Of the tokens that exist. */
  readonly top1Agreement: readonly boolean[];
  /** Of all rows of the vocabulary, padding included: of what the softmax is over. */
  readonly topRowAgreement: readonly boolean[];
  readonly entropyChangeBits: Float64Array;
  /** −ln q(next) + ln p(next); NaN where the prompt has no next token. */
  readonly lossChangeNats: Float64Array;
  /** With `normalise`: [P, pairs of targets], as in the variant's last layer event. */
  readonly effect?: Float32Array;
}

export interface ResultEvent {
  readonly type: "result";
  /** Per schedule, in order. */
  readonly variants: readonly {
    /** Of the rows that were read out: KL(p_final ‖ p_step) in nats, [P] each. */
    readonly layers: readonly { readonly step: number; readonly klFinalNats: Float64Array }[];
    readonly final: ReadoutRows;
    /** With the capture `attribution`. */
    readonly attribution?: Attribution;
  }[];
  /** With `normalise`: the source's final read-out, at the job's positions. */
  readonly source?: ReadoutRows;
  readonly comparisons: readonly Comparison[];
}

export interface RunDoneEvent {
  readonly type: "done";
  /** Milliseconds: waiting in the engine for the first call, and from there to the end. */
  readonly queueMs: number;
  readonly engineMs: number;
}

export interface RunErrorEvent {
  readonly type: "error";
  readonly problem: ProblemData;
}

/** What every neuron of one layer writes towards the vocabulary (arXiv 2406.19384, figure 6 right). */
export interface CensusJob {
  readonly id: string;
  readonly model: string;
  /** As a run's. */
  readonly revision?: string;
  readonly layer: number;
  /** `folded`: γ_f in the unembed, centred over the vocabulary and, with w_out, over d_model (LayerNorm models only). */
  readonly weights: "raw" | "folded";
  /** Token ids below the model's tokenCount; what is named twice counts once. */
  readonly tokenSets?: readonly (readonly number[])[];
}

/**
 * Of c_v = cos(w_out_j, W_U[:, v]) over all rows of the unembed, padding included, for every neuron j: [d_mlp] each. A
 * vector of zeros has cosine 0 with everything; a neuron without variance has NaN kurtosis and skew.
 */
export interface CensusRows {
  /** Population kurtosis, not excess: a Gaussian has 3. */
  readonly kurtosis: Float64Array;
  readonly skew: Float64Array;
  /** Population variance. */
  readonly variance: Float64Array;
  /**
   * Per token set: the mean of w_out_j · W_U[:, v] over its tokens minus the mean over the tokens outside of it, not
   * normalised; NaN where there are none on one side.
   */
  readonly setEffects: readonly Float64Array[];
}

export type EngineEvent = LayerEvent | ResultEvent | RunDoneEvent | RunErrorEvent;

export type ModelState = "available" | "loading" | "ready" | "failed";

/** What the engine knows of a model that it holds or tried to load. */
export interface ModelStatus {
  readonly id: string;
  readonly state: ModelState;
  /** With `failed`. */
  readonly problem?: ProblemData;
  /** Bytes of weights held and of calls' buffers, as estimated from the tensors and how they are held. */
  readonly memoryBytes: number;
  readonly activeRuns: number;
  readonly device: string;
  /** What the blocks compute in. */
  readonly precision: string;
  readonly weights: "packed" | "mapped";
  /** Half-type weights: as stored and cast in every call, or float32 copies; null: there are none. */
  readonly half: "kept" | "folded" | null;
  readonly loadMs?: number;
}

/** Counters since the engine process started. */
export interface EngineStats {
  readonly blockCalls: number;
  /** Rows and live tokens that block calls computed. */
  readonly blockRows: number;
  readonly blockTokens: number;
  readonly readoutCalls: number;
  readonly readoutRows: number;
  readonly readyRows: number;
  readonly activeRuns: number;
  readonly modelMemoryBytes: number;
  readonly rssBytes: number;
  /** Steps that were found in the memory of recent prompts, steps that had to run, and bytes held in it. */
  readonly rememberedSteps: number;
  readonly computedSteps: number;
  readonly memoryOfRunsBytes: number;
  /** Calls by number of rows: upper bounds 1, 2, 4, … 128 and +Inf, not cumulative. */
  readonly rowsPerCall: readonly number[];
}

/** Server → engine. */
export type EngineRequest =
  | { readonly kind: "run"; readonly job: RunJob }
  | { readonly kind: "census"; readonly job: CensusJob }
  /** A run or a census. */
  | { readonly kind: "cancel"; readonly id: string }
  | { readonly kind: "load"; readonly seq: number; readonly model: string }
  | { readonly kind: "unload"; readonly seq: number; readonly model: string };

/** Engine → server. */
export type EngineReply =
  | { readonly kind: "ready" }
  | { readonly kind: "event"; readonly id: string; readonly event: EngineEvent }
  | { readonly kind: "census"; readonly id: string; readonly problem?: ProblemData; readonly rows?: CensusRows }
  | { readonly kind: "reply"; readonly seq: number; readonly problem?: ProblemData; readonly status?: ModelStatus }
  | { readonly kind: "models"; readonly models: readonly ModelStatus[] }
  | { readonly kind: "stats"; readonly stats: EngineStats };

/** The engine as the server holds it: starts its process with the first need, restarts it with back-off. */
export interface Engine {
  /**
   * Runs a job: yields its events and ends after exactly one `done` or `error`. Aborting the signal cancels the
   * run between two calls; the generator then yields an `error` with code `cancelled`. The engine process dying
   * yields an `error` with code `engine_failed`. Never throws.
   */
  run(job: RunJob, signal: AbortSignal): AsyncGenerator<EngineEvent, void, void>;
  /**
   * Counts a layer's neurons beside what runs: interactive runs go before it between two calls, background runs in turn
   * with it. Throws `Problem`: `cancelled` where the signal aborts, `engine_failed` where the process dies, or what
   * keeps the model from loading.
   */
  census(job: CensusJob, signal: AbortSignal): Promise<CensusRows>;
  /** Loads a model, or waits for the load under way. Throws `Problem` with the reason. */
  load(model: string): Promise<ModelStatus>;
  /** Unloads a model. Throws `Problem` `model_busy` while runs use it. */
  unload(model: string): Promise<ModelStatus>;
  status(): EngineStatus;
  /** Ends the engine process; a later run starts it again. */
  stop(): Promise<void>;
}

export interface EngineStatus {
  readonly state: "stopped" | "starting" | "running" | "backoff";
  readonly pid: number | null;
  /** Times the process had to be started again because it died. */
  readonly restarts: number;
  readonly models: readonly ModelStatus[];
  readonly stats: EngineStats | null;
  /** Where models run; known before the process starts. */
  readonly device: string;
}
