/** One call of one block for many rows: gathers what they need, runs the session once, hands out views. */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import type { BlockOutput } from "./graph/block.ts";
import type { ModelSpec } from "./model-spec.ts";
import type { BlockUse, Site } from "./schedule.ts";

/** One residual stream that waits for the block. */
export interface BlockRow {
  /** [T, d] */
  readonly x: Float32Array;
  /** T */
  readonly length: number;
  /** Positions that are computed after the attention, ascending; null: all T. */
  readonly live: readonly number[] | null;
  readonly use: BlockUse;
}

export interface BlockWants {
  readonly norms: boolean;
  readonly components: boolean;
  readonly patterns: boolean;
}

/** What a row gets back; N = its live positions. Arrays are views of the call's buffers: do not write to them. */
export interface BlockRowResult {
  /** [N, d] */
  readonly residPost: Float32Array;
  /** [N] each, taken after scaling; only if asked for. */
  readonly norms?: { readonly attnOut: Float32Array; readonly mlpOut: Float32Array; readonly residPost: Float32Array };
  /** [N, d] each; only if asked for. */
  readonly components?: { readonly attnOut: Float32Array; readonly mlpOut: Float32Array };
  /** [head, T, T], zero above the diagonal; only if asked for. */
  readonly pattern?: Float32Array;
}

/** Low enough that the softmax gives zero, far enough from overflow when scores are added. */
const MASKED = -1e30;

export class BlockRunner {
  readonly #session: InferenceSession;
  readonly #spec: ModelSpec;
  readonly #masks = new Map<number, Tensor>();
  readonly #layers: readonly Tensor[];
  readonly #neutral: Record<string, Tensor>;
  readonly #flags = [0n, 1n].map((flag) => new Tensor("int64", BigInt64Array.of(flag), [])) as [Tensor, Tensor];
  #scratch = new Float32Array(0);

  constructor(session: InferenceSession, spec: ModelSpec) {
    this.#session = session;
    this.#spec = spec;
    this.#layers = spec.blocks.map((_, layer) => new Tensor("int64", BigInt64Array.of(BigInt(layer)), []));
    const one = (dims: number[]) => new Tensor("float32", Float32Array.of(1), dims);
    const zero = (dims: number[]) => new Tensor("float32", Float32Array.of(0), dims);
    this.#neutral = {
      z_scale: one([1, 1, 1]),
      z_add: zero([1, 1, 1]),
      attn_out_scale: one([1, 1]),
      attn_out_add: zero([1, 1]),
      mlp_out_scale: one([1, 1]),
      mlp_out_add: zero([1, 1]),
    };
  }

  /**
   * Runs `block` for all rows in one session call. Rows may differ in prompt, length, live positions and edits; a
   * row's numbers do not depend on its mates (a product of one row takes another kernel, so one is doubled).
   */
  async run(block: number, rows: readonly BlockRow[], wants: BlockWants): Promise<BlockRowResult[]> {
    const d = this.#spec.dModel;
    const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
    const counts = rows.map((row) => row.live?.length ?? row.length);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const computed = Math.max(total, 2);
    const live = new BigInt64Array(computed);
    let at = 0;
    for (const [index, row] of rows.entries()) {
      const count = counts[index] as number;
      for (let i = 0; i < count; i++) live[at++] = BigInt(index * longest + (row.live ? (row.live[i] as number) : i));
    }
    if (total === 1) live[1] = live[0] as bigint;

    const residPost = new Tensor("float32", new Float32Array(computed * d), [computed, d]);
    const fetches: Partial<Record<BlockOutput, Tensor | null>> = { resid_post: residPost };
    if (wants.norms) Object.assign(fetches, { attn_norm: null, mlp_norm: null, resid_norm: null });
    if (wants.components) Object.assign(fetches, { attn_out: null, mlp_out: null });
    if (wants.patterns) fetches.pattern = null;
    const feeds = {
      x: this.#gather(rows, longest),
      layer: this.#layers[block] as Tensor,
      norms: this.#flags[wants.norms ? 1 : 0],
      mask: this.#mask(longest),
      live: new Tensor("int64", live, [computed]),
      ...this.#neutral,
      ...this.#scales(rows, counts, computed),
    };
    const out = await this.#session.run(feeds, fetches as Record<string, Tensor | null>);
    const data = (name: BlockOutput) => out[name]?.data as Float32Array;

    const results: BlockRowResult[] = [];
    let start = 0;
    for (const [index, row] of rows.entries()) {
      const end = start + (counts[index] as number);
      const vectors = (name: BlockOutput) => data(name).subarray(start * d, end * d);
      const scalars = (name: BlockOutput) => data(name).subarray(start, end);
      results.push({
        residPost: vectors("resid_post"),
        ...(wants.norms && {
          norms: { attnOut: scalars("attn_norm"), mlpOut: scalars("mlp_norm"), residPost: scalars("resid_norm") },
        }),
        ...(wants.components && { components: { attnOut: vectors("attn_out"), mlpOut: vectors("mlp_out") } }),
        ...(wants.patterns && { pattern: this.#cutPattern(data("pattern"), index, row.length, longest) }),
      });
      start = end;
    }
    return results;
  }

  /** [R, T, d], right-padded with zeros, one lone position doubled; without a copy where the rows already lie behind one another. */
  #gather(rows: readonly BlockRow[], longest: number): Tensor {
    const d = this.#spec.dModel;
    if (rows.length * longest === 1) return this.#gather([...rows, ...rows], longest);
    const size = rows.length * longest * d;
    const dims = [rows.length, longest, d];
    const first = (rows[0] as BlockRow).x;
    const adjacent = rows.every(
      ({ x }, index) =>
        x.buffer === first.buffer && x.length === longest * d && x.byteOffset === first.byteOffset + index * longest * d * 4,
    );
    if (adjacent) return new Tensor("float32", new Float32Array(first.buffer, first.byteOffset, size), dims);
    if (this.#scratch.length < size) this.#scratch = new Float32Array(size);
    for (const [index, { x }] of rows.entries()) {
      const start = index * longest * d;
      this.#scratch.set(x, start);
      this.#scratch.fill(0, start + x.length, start + longest * d);
    }
    return new Tensor("float32", this.#scratch.subarray(0, size), dims);
  }

  /** [T, T], causal: query by key. */
  #mask(length: number): Tensor {
    const known = this.#masks.get(length);
    if (known) return known;
    const values = new Float32Array(length * length);
    for (let query = 0; query < length; query++) values.fill(MASKED, query * length + query + 1, (query + 1) * length);
    const mask = new Tensor("float32", values, [length, length]);
    if (this.#masks.size > 64) this.#masks.clear();
    this.#masks.set(length, mask);
    return mask;
  }

  /** Scales per live position, for the sites that some row edits. */
  #scales(rows: readonly BlockRow[], counts: readonly number[], computed: number): Record<string, Tensor> {
    const heads = this.#spec.blocks[0]?.attention.heads as number;
    const scales = new Map<Site, Float32Array>();
    const at = (site: Site): Float32Array => {
      const known = scales.get(site);
      if (known) return known;
      const made = new Float32Array(computed * (site === "z" ? heads : 1)).fill(1);
      scales.set(site, made);
      return made;
    };
    let start = 0;
    for (const [index, { use, live }] of rows.entries()) {
      const count = counts[index] as number;
      if (use.component === "attn") at("mlp_out").fill(0, start, start + count);
      if (use.component === "mlp") at("attn_out").fill(0, start, start + count);
      for (const edit of use.edits ?? []) {
        const values = at(edit.site);
        const chosen = edit.positions && new Set(edit.positions);
        for (let i = 0; i < count; i++) {
          if (chosen && !chosen.has(live ? (live[i] as number) : i)) continue;
          const place = edit.site === "z" ? (start + i) * heads + (edit.head as number) : start + i;
          values[place] = (values[place] as number) * edit.scale;
        }
      }
      start += count;
    }
    const feeds: Record<string, Tensor> = {};
    for (const [site, values] of scales) {
      const width = site === "z" ? heads : 1;
      // The doubled position of a lone one takes its scales along.
      if (start < computed) values.copyWithin(start * width, 0, width);
      feeds[`${site}_scale`] = new Tensor("float32", values, site === "z" ? [computed, heads, 1] : [computed, 1]);
    }
    return feeds;
  }

  /** [R, H, Tmax, Tmax] → one row's [H, T, T]; what lies above the diagonal is zero by definition. */
  #cutPattern(all: Float32Array, row: number, length: number, longest: number): Float32Array {
    const heads = this.#spec.blocks[0]?.attention.heads as number;
    const cut = new Float32Array(heads * length * length);
    for (let head = 0; head < heads; head++) {
      for (let query = 0; query < length; query++) {
        const from = ((row * heads + head) * longest + query) * longest;
        cut.set(all.subarray(from, from + query + 1), (head * length + query) * length);
      }
    }
    return cut;
  }
}
