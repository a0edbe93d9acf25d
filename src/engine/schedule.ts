/**
 * What the engine runs. An intervention compiles to a schedule; nothing below this file knows the name of an
 * operation. All types are plain data that cross the pipe to the engine process as they are.
 */

/** The two halves of a block. */
export type Component = "attn" | "mlp";

/**
 * Where an edit acts: the stream that a block reads (`resid_pre`), the heads' outputs before the output projection
 * (`z`), what the attention adds (`attn_out`), the input of the MLP's output projection (`mlp_act`), what the MLP
 * adds (`mlp_out`), and the stream that the block leaves (`resid_post`).
 */
export type Site = "resid_pre" | "z" | "attn_out" | "mlp_act" | "mlp_out" | "resid_post";

/** `times` a vector, as wide as the site; of a head or of neurons, their part of it. */
export interface Addend {
  /** `vector`: of the job's `vectors`. `source`: the value at this site, block and position of that prompt's untouched run. */
  readonly from: "vector" | "source";
  /** Index in the job's `vectors` or `sources`. */
  readonly index: number;
  readonly times: number;
  /** `times` counts mean norms of this block's untouched resid_post, over the prompt's positions from 1 on (its only one, if it has one). */
  readonly perResidual?: true;
}

/** One affine map at a site of a block: out ← scale · out + Σ add. Edits of one site and position do not overlap. */
export interface Edit {
  readonly site: Site;
  /** Only at site `z`: the head. */
  readonly head?: number;
  /** Only at site `mlp_act`: the neurons, ascending; absent: all of them. */
  readonly neurons?: readonly number[];
  readonly scale: number;
  /** In the order in which they are added; absent: nothing. */
  readonly add?: readonly Addend[];
  /** Places in the token sequence, ascending; absent: all of them. */
  readonly positions?: readonly number[];
}

/** One block as it stands in a step. */
export interface BlockUse {
  readonly block: number;
  /** Only this half runs; absent: both. */
  readonly component?: Component;
  readonly edits?: readonly Edit[];
}

/** One step of a schedule; several blocks are a parallel group: x ← mean over them of block(x). */
export type Step = readonly BlockUse[];

/** A named, ordered list of steps. The baseline is one step per block, 0 … L−1. */
export interface Schedule {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** Equal keys, equal computation: how schedules find the prefix that they share. */
export function stepKey(step: Step): string {
  return JSON.stringify(step.map((use) => [use.block, use.component ?? "", use.edits ?? []]));
}

/** The untouched schedule of a model of `nLayers` blocks. */
export function baselineSchedule(nLayers: number): Schedule {
  return { name: "baseline", steps: Array.from({ length: nLayers }, (_, block) => [{ block }]) };
}
