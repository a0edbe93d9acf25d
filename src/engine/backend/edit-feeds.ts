/** Edits of the rows of a call as the tensors that a block's affine sites are fed with. */
import { Tensor } from "onnxruntime-node";
import type { ModelSpec } from "../model-spec.ts";
import type { Site } from "../schedule.ts";
import type { BlockRow, ResolvedEdit, Term } from "./backend.ts";

/** The sites within a block; the residual stream itself is edited where it comes in and goes out. */
export const INNER_SITES = ["z", "attn_out", "mlp_act", "mlp_out"] as const;
export type InnerSite = (typeof INNER_SITES)[number];

/** How many numbers a site has at a position, and how many of them are scaled alike. */
function shapeOf(
  site: InnerSite,
  spec: ModelSpec,
  rows: readonly BlockRow[],
): { readonly width: number; readonly units: number } {
  const attention = spec.blocks[0]?.attention;
  if (site === "z")
    return { width: (attention?.heads as number) * (attention?.headDim as number), units: attention?.heads as number };
  if (site !== "mlp_act") return { width: spec.dModel, units: 1 };
  const single = rows.some(({ edits }) => edits.some((edit) => edit.site === site && edit.neurons !== undefined));
  return { width: spec.dMlp, units: single ? spec.dMlp : 1 };
}

/**
 * `site_scale` and `site_add` for every site that some row edits, over `computed` positions: the live ones of each row
 * behind one another. Scales are [N, units], of z [N, H, 1]; addends [N, width], of z [N, H, d_head].
 */
export function editFeeds(spec: ModelSpec, rows: readonly BlockRow[], computed: number): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const site of INNER_SITES) {
    if (!rows.some((row) => edits(row, site))) continue;
    const { width, units } = shapeOf(site, spec, rows);
    const scale = new Float32Array(computed * units).fill(1);
    const adds = rows.some((row) => row.edits.some((edit) => edit.site === site && edit.terms.length > 0));
    const add = new Float32Array(adds ? computed * width : 0);
    let start = 0;
    for (const row of rows) {
      const count = row.live?.length ?? row.length;
      if (silences(row, site)) scale.fill(0, start * units, (start + count) * units);
      for (const edit of row.edits) {
        if (edit.site !== site) continue;
        const part = partOf(edit, spec, units);
        for (let i = 0; i < count; i++) {
          const position = row.live ? (row.live[i] as number) : i;
          if (edit.positions && !edit.positions.has(position)) continue;
          for (const unit of part.units)
            scale[(start + i) * units + unit] = (scale[(start + i) * units + unit] as number) * edit.scale;
          for (const term of edit.terms) addTerm(add, (start + i) * width, term, position, part.ranges(width));
        }
      }
      start += count;
    }
    // The doubled position of a lone one takes its edits along.
    if (start < computed) {
      scale.copyWithin(start * units, 0, units);
      if (adds) add.copyWithin(start * width, 0, width);
    }
    const heads = site === "z";
    feeds[`${site}_scale`] = new Tensor("float32", scale, heads ? [computed, units, 1] : [computed, units]);
    if (adds) feeds[`${site}_add`] = new Tensor("float32", add, heads ? [computed, units, width / units] : [computed, width]);
  }
  return feeds;
}

/** A row's stream after edits at `resid_pre` or `resid_post`, in place. `positions` are the places that `values` [n, d] holds. */
export function editStream(
  values: Float32Array,
  d: number,
  positions: readonly number[] | null,
  edits: readonly ResolvedEdit[],
  site: Site,
): void {
  const added = new Float32Array(d);
  const whole = [[0, d] as const];
  const count = values.length / d;
  for (const edit of edits) {
    if (edit.site !== site) continue;
    for (let i = 0; i < count; i++) {
      const position = positions ? (positions[i] as number) : i;
      if (edit.positions && !edit.positions.has(position)) continue;
      added.fill(0);
      for (const term of edit.terms) addTerm(added, 0, term, position, whole);
      for (let j = 0; j < d; j++)
        values[i * d + j] = Math.fround((values[i * d + j] as number) * edit.scale) + (added[j] as number);
    }
  }
}

/** Rows' edits at `resid_pre` or `resid_post` as one affine map of `total` vectors; null: none has any. */
export interface StreamFeeds {
  /** [total, 1] */
  readonly scale: Tensor;
  /** [total, d] */
  readonly add: Tensor;
}

/**
 * `places`: of each row, where its vectors begin among the `total`, and which positions they are (null: 0 … length − 1).
 * Vectors that are no row's stay as they are.
 */
export function streamFeeds(
  d: number,
  rows: readonly BlockRow[],
  site: "resid_pre" | "resid_post",
  places: readonly { readonly start: number; readonly positions: readonly number[] | null }[],
  total: number,
): StreamFeeds | null {
  if (!rows.some(({ edits }) => edits.some((edit) => edit.site === site))) return null;
  const scale = new Float32Array(total).fill(1);
  const add = new Float32Array(total * d);
  for (const [index, { edits, length }] of rows.entries()) {
    const { start, positions } = places[index] as (typeof places)[number];
    const count = positions?.length ?? length;
    editStream(add.subarray(start * d, (start + count) * d), d, positions, edits, site);
    for (const edit of edits) {
      if (edit.site !== site) continue;
      for (let i = 0; i < count; i++)
        if (!edit.positions || edit.positions.has(positions ? (positions[i] as number) : i))
          scale[start + i] = (scale[start + i] as number) * edit.scale;
    }
  }
  return { scale: new Tensor("float32", scale, [total, 1]), add: new Tensor("float32", add, [total, d]) };
}

function edits(row: BlockRow, site: InnerSite): boolean {
  return silences(row, site) || row.edits.some((edit) => edit.site === site);
}

/** Where only half of a block runs, the other half adds nothing. */
function silences({ use }: BlockRow, site: InnerSite): boolean {
  return (use.component === "attn" && site === "mlp_out") || (use.component === "mlp" && site === "attn_out");
}

interface Part {
  /** Which of the site's scales. */
  readonly units: readonly number[];
  /** Which of a position's numbers: [from, to) each. */
  ranges(width: number): readonly (readonly [number, number])[];
}

/** The part of a site that an edit acts on: a head, some neurons, or all of it. */
function partOf({ head, neurons }: ResolvedEdit, spec: ModelSpec, units: number): Part {
  const size = spec.blocks[0]?.attention.headDim as number;
  if (head !== undefined) return { units: [head], ranges: () => [[head * size, (head + 1) * size]] };
  if (neurons) {
    const ranges = neurons.map((neuron) => [neuron, neuron + 1] as const);
    return { units: neurons, ranges: () => ranges };
  }
  return { units: Array.from({ length: units }, (_, unit) => unit), ranges: (width) => [[0, width]] };
}

function addTerm(
  into: Float32Array,
  at: number,
  { values, stride, times }: Term,
  position: number,
  ranges: readonly (readonly [number, number])[],
): void {
  const base = position * stride;
  for (const [from, to] of ranges)
    for (let j = from; j < to; j++) into[at + j] = (into[at + j] as number) + times * (values[base + j] as number);
}
