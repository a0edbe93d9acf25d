/** What a step shows beside its read-out: what its blocks are asked for, and what is made of their answers. */
import { attentionLocality } from "../../metrics/attention-locality.ts";
import { topByMagnitude } from "../../metrics/top.ts";
import { meanOf, rowNorms, takeRows } from "../../metrics/vectors.ts";
import { type BlockRowResult, NO_WANTS, type RowWants } from "../backend/backend.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { CaptureName, LayerEvent, NeuronRows, PatternRows, RunJob, SiteRows, SumRows } from "../protocol.ts";
import type { BlockUse, Component, Step } from "../schedule.ts";
import type { RememberedNorms } from "./run-memory.ts";

export type Captures = Pick<
  LayerEvent,
  "norms" | "patterns" | "cells" | "locality" | "headNorms" | "neurons" | "residual" | "components" | "sums" | "sites"
>;

/** A block of a step that has run, and what came of it. */
interface Member {
  readonly use: BlockUse;
  readonly result: BlockRowResult;
}

export class CaptureReader {
  readonly #job: RunJob;
  readonly #spec: ModelSpec;
  readonly #names: ReadonlySet<CaptureName>;
  /** Blocks that captures are of; null: all. */
  readonly #blocks: ReadonlySet<number> | null;
  /** [m, d] of direct logit attribution, or null. */
  readonly #directions: Float32Array | null;

  constructor(job: RunJob, spec: ModelSpec, directions: Float32Array | null) {
    this.#job = job;
    this.#spec = spec;
    this.#names = new Set(job.capture);
    this.#blocks = job.captureBlocks ? new Set(job.captureBlocks) : null;
    this.#directions = directions;
  }

  /** Whether steps have to run for what they show, remembered streams and norms at hand. */
  get needsRun(): boolean {
    return this.#job.cells !== undefined || this.#job.capture.some((name) => name !== "norms");
  }

  /** Whether every position of a step is computed, whatever is read out. */
  get needsAllPositions(): boolean {
    return this.#names.has("sums") || this.#job.capturePositions !== undefined;
  }

  get norms(): boolean {
    return this.#names.has("norms");
  }

  /** What a block of a step is asked for. */
  wants(step: Step, { block }: BlockUse): RowWants {
    const { neurons, cells = null } = this.#job;
    if (this.#names.size === 0) return cells ? { ...NO_WANTS, cells } : NO_WANTS;
    const has = (name: CaptureName) => this.#has(name, step);
    const grouped = step.length !== 1;
    const sums = has("sums");
    const chosen = neurons && (neurons.top > 0 || neurons.chosen.some((one) => one.block === block));
    return {
      norms: has("norms") && !grouped,
      components: has("components") || sums || (has("norms") && grouped),
      pattern: has("patterns") || has("attention_locality"),
      cells,
      z: sums || has("z"),
      neurons: sums || has("mlp_act") || (has("neurons") && chosen === true),
      residual: has("residuals") || (has("norms") && grouped),
      taps: has("head_norms") || this.#directions ? this.#job.readout.positions : null,
      directions: this.#directions,
    };
  }

  /** Norms of a step at every position that was computed; of a parallel group, of the mean of what its blocks wrote. */
  stepNorms(step: Step, results: readonly BlockRowResult[]): RememberedNorms | null {
    const ran = (component: Component) => step.some((use) => use.component === undefined || use.component === component);
    if (!this.norms) return null;
    const first = results[0] as BlockRowResult;
    if (first.norms) {
      const { attnOut, mlpOut, residPost } = first.norms;
      return { attnOut: ran("attn") ? attnOut : null, mlpOut: ran("mlp") ? mlpOut : null, residPost };
    }
    const norm = (of: (result: BlockRowResult) => Float32Array) => rowNorms(meanOf(results.map(of)), this.#spec.dModel);
    const components = (result: BlockRowResult) => result.components as NonNullable<BlockRowResult["components"]>;
    return {
      attnOut: ran("attn") ? norm((result) => components(result).attnOut) : null,
      mlpOut: ran("mlp") ? norm((result) => components(result).mlpOut) : null,
      residPost: norm((result) => result.residual as Float32Array),
    };
  }

  /** Norms at the positions read out. `full`: all T positions are there, not only those. */
  normRows({ attnOut, mlpOut, residPost }: RememberedNorms, full: boolean): Captures["norms"] {
    return {
      attnOut: attnOut && this.#at(attnOut, 1, full),
      mlpOut: mlpOut && this.#at(mlpOut, 1, full),
      residPost: this.#at(residPost, 1, full),
    };
  }

  /** The embedding's own: `values` [T, d]. */
  ofEmbedding(values: Float32Array): Captures {
    return this.#names.has("residuals") ? { residual: this.#at(values, this.#spec.dModel, true) } : {};
  }

  /** All captures of a step but norms. */
  ofStep(step: Step, results: readonly BlockRowResult[], full: boolean): Captures {
    const { dModel } = this.#spec;
    const has = (name: CaptureName) => this.#has(name, step);
    const members = step.map((use, index): Member => ({ use, result: results[index] as BlockRowResult }));
    const attention = members.filter(({ use }) => use.component !== "mlp");
    const mlp = members.filter(({ use }) => use.component !== "attn");
    const captures: { -readonly [name in keyof Captures]: Captures[name] } = {};
    const patterns = has("patterns") || has("attention_locality") ? patternsOf(attention) : [];
    if (has("patterns")) captures.patterns = patterns;
    if (this.#job.cells)
      captures.cells = attention.map(({ use, result }) => ({ block: use.block, weights: result.cells as Float32Array }));
    if (has("attention_locality")) captures.locality = patterns.map((rows) => this.#locality(rows));
    if (has("head_norms"))
      captures.headNorms = attention.map(({ use, result }) => ({
        block: use.block,
        norms: (result.heads as Float32Array).slice(),
      }));
    if (has("neurons"))
      captures.neurons = mlp.flatMap(({ use, result }) =>
        result.neurons ? [this.#neurons(use.block, result.neurons, full)] : [],
      );
    if (has("residuals"))
      captures.residual = this.#at(meanOf(results.map(({ residual }) => residual as Float32Array)), dModel, full);
    if (has("components")) {
      const part = (values: Float32Array | undefined) => this.#at(values as Float32Array, dModel, full);
      captures.components = members.map(({ use: { block, component }, result }) => ({
        block,
        attnOut: component === "mlp" ? null : part(result.components?.attnOut),
        mlpOut: component === "attn" ? null : part(result.components?.mlpOut),
      }));
    }
    const sites = [
      ...(has("z") ? this.#sites("z", attention, full) : []),
      ...(has("mlp_act") ? this.#sites("mlp_act", mlp, full) : []),
    ];
    if (sites.length > 0) captures.sites = sites;
    if (has("sums")) captures.sums = members.flatMap(({ use, result }) => this.#sums(use.block, result));
    return captures;
  }

  #has(name: CaptureName, step: Step): boolean {
    return this.#names.has(name) && (name === "norms" || !this.#blocks || step.some(({ block }) => this.#blocks?.has(block)));
  }

  get #positions(): readonly number[] {
    return this.#job.capturePositions ?? this.#job.readout.positions;
  }

  #at(values: Float32Array, width: number, full: boolean): Float32Array {
    return full ? takeRows(values, width, this.#positions) : values.slice(0, this.#positions.length * width);
  }

  #locality({ block, weights }: PatternRows): NonNullable<Captures["locality"]>[number] {
    const heads = this.#spec.blocks[block]?.attention.heads as number;
    return { block, ...attentionLocality(weights, heads, this.#job.tokens.length) };
  }

  /** Those chosen of this block, then the most active ones. */
  #neurons(block: number, activations: Float32Array, full: boolean): NeuronRows {
    const { dMlp } = this.#spec;
    const { top = 0, chosen = [] } = this.#job.neurons ?? {};
    const named = chosen.filter((one) => one.block === block).flatMap(({ neurons }) => neurons);
    const rows = this.#at(activations, dMlp, full);
    const ids: number[] = [];
    for (let at = 0; at < rows.length; at += dMlp) ids.push(...named, ...topByMagnitude(rows.subarray(at, at + dMlp), top));
    const width = ids.length / (rows.length / dMlp);
    const values = Float32Array.from(ids, (id, i) => rows[Math.floor(i / width) * dMlp + id] as number);
    return { block, ids: Int32Array.from(ids), values };
  }

  #sites(site: SiteRows["site"], members: readonly Member[], full: boolean): SiteRows[] {
    return members.map(({ use: { block }, result }) => {
      const values = (site === "z" ? result.z : result.neurons) as Float32Array;
      const positions = full ? this.#job.tokens.length : this.#positions.length;
      return { block, site, values: this.#at(values, values.length / positions, full) };
    });
  }

  #sums(block: number, result: BlockRowResult): SumRows[] {
    const sum = (site: SumRows["site"], values: Float32Array | undefined): SumRows => {
      const all = values as Float32Array;
      const width = all.length / this.#job.tokens.length;
      const total = new Float64Array(width);
      for (let i = width; i < all.length; i++) total[i % width] = (total[i % width] as number) + (all[i] as number);
      return { block, site, values: total };
    };
    return [
      sum("z", result.z),
      sum("attn_out", result.components?.attnOut),
      sum("mlp_act", result.neurons),
      sum("mlp_out", result.components?.mlpOut),
    ];
  }
}

function patternsOf(members: readonly Member[]): PatternRows[] {
  return members.map(({ use, result }) => ({ block: use.block, weights: result.pattern as Float32Array }));
}
