/**
 * What the engine runs. An intervention compiles to a schedule; nothing below this file knows the name of an
 * operation. All types are plain data that cross the pipe to the engine process as they are.
 */

/** The two halves of a block. */
export type Component = "attn" | "mlp";

/** Where an edit acts: `z` is the heads' output before the output projection. */
export type Site = "z" | "attn_out" | "mlp_out";

/** One scale at a site of a block: out ← scale · out. Never 1 (that would be no edit). */
export interface Edit {
  readonly site: Site;
  /** Only at site `z`: the head. */
  readonly head?: number;
  readonly scale: number;
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
