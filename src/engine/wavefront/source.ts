/** A prompt that runs untouched beside a run, for the values that the run's edits take from it. */
import { type Backend, type BlockRowResult, NO_WANTS, type RowWants, type Stream } from "../backend/backend.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { Site } from "../schedule.ts";
import type { Holdings } from "./holdings.ts";
import type { ReadyRow } from "./ready-rows.ts";
import type { Run } from "./run.ts";

/** What edits take from a source at a block: a site's values, or the mean norm of its resid_post. */
export type Taken = Site | "norm";

export interface SourceWork {
  readonly run: Run;
  readonly spec: ModelSpec;
  readonly backend: Backend;
  /** Of the run. */
  readonly holdings: Holdings;
  ready(row: ReadyRow): void;
  /** Some value has come. */
  progressed(): void;
  /** The stream after the last block, if the source runs to its end for that; held for the callee. */
  ended(stream: Stream): void;
}

export class Source {
  readonly #work: SourceWork;
  /** T */
  readonly length: number;
  readonly #needs: ReadonlyMap<number, ReadonlySet<Taken>>;
  readonly #toEnd: boolean;
  readonly #last: number;
  readonly #values = new Map<string, Float32Array>();
  readonly #norms = new Map<number, number>();

  /** `needs`: what is taken, per block. `toEnd`: all blocks run, and `ended` is called. */
  constructor(length: number, needs: ReadonlyMap<number, ReadonlySet<Taken>>, toEnd: boolean, work: SourceWork) {
    this.#work = work;
    this.length = length;
    this.#needs = needs;
    this.#toEnd = toEnd;
    // What a block reads is there without running it.
    const runs = [...needs].map(([block, taken]) => (taken.size === 1 && taken.has("resid_pre") ? block - 1 : block));
    this.#last = toEnd ? work.spec.nLayers - 1 : Math.max(-1, ...runs);
  }

  /** `embedded`: [T, d]. */
  start(embedded: Float32Array): void {
    if (this.#needs.get(0)?.has("resid_pre")) this.#values.set("0 resid_pre", embedded);
    const { holdings, backend } = this.#work;
    this.#push(0, holdings.own(backend.upload(embedded)));
  }

  has(block: number, taken: Taken): boolean {
    return taken === "norm" ? this.#norms.has(block) : this.#values.has(`${block} ${taken}`);
  }

  /** [T, width of the site]; `has` is true. */
  values(block: number, site: Site): Float32Array {
    return this.#values.get(`${block} ${site}`) as Float32Array;
  }

  /** The mean norm of the block's resid_post over positions from 1 on; `has` is true. */
  meanNorm(block: number): number {
    return this.#norms.get(block) as number;
  }

  #push(block: number, x: Stream): void {
    const { holdings, run } = this.#work;
    if (block > this.#last) {
      if (this.#toEnd) this.#work.ended(x);
      else holdings.release(x);
      return;
    }
    this.#work.ready({
      run,
      x,
      length: this.length,
      live: null,
      use: { block },
      edits: [],
      wants: this.#wants(block),
      complete: (result) => this.#complete(block, x, result),
    });
  }

  #wants(block: number): RowWants {
    const taken = this.#needs.get(block);
    return {
      ...NO_WANTS,
      norms: taken?.has("norm") === true,
      components: taken?.has("attn_out") === true || taken?.has("mlp_out") === true,
      z: taken?.has("z") === true,
      neurons: taken?.has("mlp_act") === true,
      residual: taken?.has("resid_post") === true || this.#needs.get(block + 1)?.has("resid_pre") === true,
    };
  }

  #complete(block: number, x: Stream, result: BlockRowResult): void {
    this.#work.holdings.release(x);
    const put = (at: number, site: Site, values: Float32Array | undefined) => {
      if (values && this.#needs.get(at)?.has(site)) this.#values.set(`${at} ${site}`, values);
    };
    put(block, "attn_out", result.components?.attnOut);
    put(block, "mlp_out", result.components?.mlpOut);
    put(block, "z", result.z);
    put(block, "mlp_act", result.neurons);
    put(block, "resid_post", result.residual);
    put(block + 1, "resid_pre", result.residual);
    if (result.norms) this.#norms.set(block, meanFromFirst(result.norms.residPost));
    this.#push(block + 1, this.#work.holdings.own(result.residPost));
    this.#work.progressed();
  }
}

/** The mean without position 0, whose norm is often far from all others; of a lone position, itself. */
function meanFromFirst(norms: Float32Array): number {
  const counted = norms.length > 1 ? norms.subarray(1) : norms;
  return counted.reduce((sum, norm) => sum + norm, 0) / counted.length;
}
