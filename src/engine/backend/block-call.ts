/** The part of a block's call that is the same on every device: what is fed beside the streams, and what a row gets of it. */
import { Tensor } from "onnxruntime-node";
import { QUERY_BLOCK } from "../graph/attention.ts";
import { BLOCK_FLAGS, type BlockOutput } from "../graph/blocks.ts";
import type { ModelSpec } from "../model-spec.ts";
import { attentionFeeds } from "./attention-feeds.ts";
import type { BlockRow, BlockRowResult } from "./backend.ts";
import { editFeeds, INNER_SITES } from "./edit-feeds.ts";

export interface CallInputs {
  /** T of the longest row. */
  readonly longest: number;
  /** N: live positions of all rows behind one another; a lone one is doubled. */
  readonly computed: number;
  /** Where each row's positions begin and end among the live ones, and its taps among all taps. */
  readonly places: readonly {
    readonly start: number;
    readonly end: number;
    readonly firstTap: number;
    readonly taps: number;
  }[];
  /** Columns of all directions: [from, to) of each array. */
  readonly columns: ReadonlyMap<Float32Array, readonly [number, number]>;
  /** m, one at least. */
  readonly directions: number;
  /** All inputs but x and layer that are not neutral. */
  readonly feeds: Record<string, Tensor>;
}

const SCALAR = [0n, 1n].map((flag) => new Tensor("int64", BigInt64Array.of(flag), [])) as [Tensor, Tensor];

/** What is fed to a block that changes nothing and shows nothing. */
export function neutralFeeds({ dModel }: ModelSpec): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {
    taps: new Tensor("int64", BigInt64Array.of(0n), [1]),
    directions: new Tensor("float32", new Float32Array(dModel), [1, dModel]),
  };
  for (const flag of BLOCK_FLAGS) feeds[flag] = SCALAR[0];
  for (const site of INNER_SITES) {
    const dims = site === "z" ? [1, 1, 1] : [1, 1];
    feeds[`${site}_scale`] = new Tensor("float32", Float32Array.of(1), dims);
    feeds[`${site}_add`] = new Tensor("float32", Float32Array.of(0), dims);
  }
  return feeds;
}

/** The inputs of one call of a block for these rows. */
export function callInputs(spec: ModelSpec, block: number, rows: readonly BlockRow[]): CallInputs {
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const places: { start: number; end: number; firstTap: number; taps: number }[] = [];
  const columns = new Map<Float32Array, [number, number]>();
  let total = 0;
  let tapped = 0;
  let directions = 0;
  for (const { live, length, wants } of rows) {
    const count = live?.length ?? length;
    const taps = wants.taps?.length ?? 0;
    places.push({ start: total, end: total + count, firstTap: tapped, taps });
    total += count;
    tapped += taps;
    if (!wants.directions || columns.has(wants.directions)) continue;
    const width = wants.directions.length / spec.dModel;
    columns.set(wants.directions, [directions, directions + width]);
    directions += width;
  }
  const computed = Math.max(total, 2);
  const edited = editFeeds(spec, rows, computed);
  const feeds: Record<string, Tensor> = {
    ...attentionFeeds(spec, block, longest),
    live: liveTensor(rows, longest, total),
    ...edited,
    ...(tapped > 0 && tapFeeds(spec, rows, places, tapped, columns, directions)),
  };
  // Short prompts are one block of queries as they are.
  if (longest <= QUERY_BLOCK || rows.some(({ wants }) => wants.pattern || wants.cells)) feeds.whole = SCALAR[1];
  if (rows.some(({ wants }) => wants.norms)) feeds.norms = SCALAR[1];
  if (tapped > 0) feeds.heads = SCALAR[1];
  if ("z_scale" in edited) feeds.edit_z = SCALAR[1];
  if ("mlp_act_scale" in edited) feeds.edit_mlp_act = SCALAR[1];
  return { longest, computed, places, columns, directions: Math.max(directions, 1), feeds };
}

/** What is fetched for these rows beside the streams. */
export function wantedOutputs(rows: readonly BlockRow[]): BlockOutput[] {
  const any = (of: (wants: BlockRow["wants"]) => boolean) => rows.some(({ wants }) => of(wants));
  const names: BlockOutput[] = [];
  if (any(({ norms }) => norms)) names.push("attn_norm", "mlp_norm", "resid_norm");
  if (any(({ components }) => components)) names.push("attn_out", "mlp_out");
  if (any(({ pattern, cells }) => pattern || cells !== null)) names.push("pattern");
  if (any(({ z }) => z)) names.push("z");
  if (any(({ neurons }) => neurons)) names.push("mlp_act");
  if (any(({ taps }) => taps !== null)) names.push("head_norm");
  if (any(({ directions }) => directions !== null)) names.push("head_product", "attn_product", "mlp_product");
  return names;
}

/** A row's part of what was fetched; `data` gives an output's numbers. */
export function rowOutputs(
  spec: ModelSpec,
  { wants, length }: BlockRow,
  index: number,
  { places, columns, directions, longest }: CallInputs,
  data: (name: BlockOutput) => Float32Array,
): Omit<BlockRowResult, "residPost" | "residual"> {
  const { start, end, firstTap, taps } = places[index] as CallInputs["places"][number];
  const heads = spec.blocks[0]?.attention.heads as number;
  const headDim = spec.blocks[0]?.attention.headDim as number;
  const live = (name: BlockOutput, width = 1) => data(name).subarray(start * width, end * width);
  const product = (name: BlockOutput, rowsOfTap: number) => {
    const [from, to] = columns.get(wants.directions as Float32Array) as readonly [number, number];
    return cutColumns(data(name), firstTap * rowsOfTap, taps * rowsOfTap, directions, from, to);
  };
  return {
    ...(wants.norms && { norms: { attnOut: live("attn_norm"), mlpOut: live("mlp_norm"), residPost: live("resid_norm") } }),
    ...(wants.components && { components: { attnOut: live("attn_out", spec.dModel), mlpOut: live("mlp_out", spec.dModel) } }),
    ...(wants.pattern && { pattern: cutPattern(data("pattern"), index, heads, length, longest) }),
    ...(wants.cells && { cells: cellsOf(data("pattern"), index, heads, longest, wants.cells) }),
    ...(wants.z && { z: live("z", heads * headDim) }),
    ...(wants.neurons && { neurons: live("mlp_act", spec.dMlp) }),
    ...(wants.taps && { heads: data("head_norm").subarray(firstTap * heads, (firstTap + taps) * heads) }),
    ...(wants.taps &&
      wants.directions && {
        products: {
          attn: product("attn_product", 1),
          mlp: product("mlp_product", 1),
          heads: product("head_product", heads),
        },
      }),
  };
}

function liveTensor(rows: readonly BlockRow[], longest: number, total: number): Tensor {
  const live = new BigInt64Array(Math.max(total, 2));
  let at = 0;
  for (const [index, row] of rows.entries()) {
    const count = row.live?.length ?? row.length;
    for (let i = 0; i < count; i++) live[at++] = BigInt(index * longest + (row.live ? (row.live[i] as number) : i));
  }
  if (total === 1) live[1] = live[0] as bigint;
  return new Tensor("int64", live, [live.length]);
}

/** The taps of all rows as places among the live positions, a lone one twice; and the directions behind one another. */
function tapFeeds(
  spec: ModelSpec,
  rows: readonly BlockRow[],
  places: CallInputs["places"],
  tapped: number,
  columns: CallInputs["columns"],
  directions: number,
): Record<string, Tensor> {
  const taps = new BigInt64Array(Math.max(tapped, 2));
  let at = 0;
  for (const [index, { wants, live }] of rows.entries()) {
    const { start } = places[index] as CallInputs["places"][number];
    for (const position of wants.taps ?? []) taps[at++] = BigInt(start + (live ? live.indexOf(position) : position));
  }
  if (tapped === 1) taps[1] = taps[0] as bigint;
  const feeds: Record<string, Tensor> = { taps: new Tensor("int64", taps, [taps.length]) };
  if (directions > 0) {
    const all = new Float32Array(directions * spec.dModel);
    for (const [values, [from]] of columns) all.set(values, from * spec.dModel);
    feeds.directions = new Tensor("float32", all, [directions, spec.dModel]);
  }
  return feeds;
}

/** [R, H, Tmax, Tmax] → one row's [H, T, T]; what lies above the diagonal is zero by definition. */
function cutPattern(all: Float32Array, row: number, heads: number, length: number, longest: number): Float32Array {
  const cut = new Float32Array(heads * length * length);
  for (let head = 0; head < heads; head++) {
    for (let query = 0; query < length; query++) {
      const from = ((row * heads + head) * longest + query) * longest;
      cut.set(all.subarray(from, from + query + 1), (head * length + query) * length);
    }
  }
  return cut;
}

/** One row's weights at some places, [H, cells]: a query sees no key behind it. */
function cellsOf(
  all: Float32Array,
  row: number,
  heads: number,
  longest: number,
  cells: NonNullable<BlockRow["wants"]["cells"]>,
): Float32Array {
  const cut = new Float32Array(heads * cells.length);
  for (let head = 0; head < heads; head++) {
    const start = (row * heads + head) * longest;
    for (const [index, { query, key }] of cells.entries())
      if (key <= query) cut[head * cells.length + index] = all[(start + query) * longest + key] as number;
  }
  return cut;
}

/** Rows `first` … `first + count` of [n, width], columns [from, to). */
function cutColumns(all: Float32Array, first: number, count: number, width: number, from: number, to: number): Float32Array {
  const cut = new Float32Array(count * (to - from));
  for (let row = 0; row < count; row++) {
    const start = (first + row) * width;
    cut.set(all.subarray(start + from, start + to), row * (to - from));
  }
  return cut;
}
