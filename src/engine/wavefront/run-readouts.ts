/** What of a run is read out, and when: step by step, when a schedule has ended, or beside the baseline. */
import { inverseScales } from "../../metrics/vectors.ts";
import { Problem } from "../../problem.ts";
import { type Backend, READOUT_CHUNK, type Stream } from "../backend/backend.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { EngineEvent, RunJob } from "../protocol.ts";
import type { Captures } from "./captures.ts";
import type { EffectScale } from "./effects.ts";
import type { Holdings } from "./holdings.ts";
import { type PrefixNode, pathTo } from "./prefix-tree.ts";
import { emptyResult, type Reading, type ReadingResult } from "./reading.ts";
import type { Run } from "./run.ts";
import type { RunResult } from "./run-result.ts";

/** How long a layer's read-out may wait for others, so that one pass over the unembed serves several layers. */
const PATIENCE_MS = 3;

/** Whole distributions are kept for comparisons up to this size: GPT-2's vocabulary at 300 positions. Beyond, the
 * expectation's identity serves, which keeps d_model numbers a position. */
const MAX_REFERENCE_BYTES = 128 * 2 ** 20;

/** A step that is to be read out; its rows are held for it. */
interface StepRequest {
  readonly node: PrefixNode;
  readonly variants: readonly number[];
  readonly rows: Stream;
  readonly inverseSigma: Float32Array | null;
  /** The baseline ends here, and something is compared with it. */
  readonly compared?: boolean;
}

export interface ReadoutParts {
  readonly run: Run;
  readonly job: RunJob;
  readonly spec: ModelSpec;
  readonly backend: Backend;
  readonly holdings: Holdings;
  readonly result: RunResult;
  readonly effects: EffectScale | null;
  /** How many steps are the last of some schedule. */
  readonly endings: number;
  /** What a step shows beside its read-out; not asked for again after the last time. */
  captures(node: PrefixNode, isLast: boolean): Captures | undefined;
  emit(event: EngineEvent): void;
  read(reading: Reading): void;
  fail(problem: Problem): void;
  /** A reading is complete. */
  settled(): void;
}

export class RunReadouts {
  readonly #parts: ReadoutParts;
  /** At the positions read out; kept by the frozen-norm lens, which reads out when a schedule has ended. */
  readonly #atPositions = new Map<PrefixNode, Stream>();
  /** Final read-outs that wait until all schedules have ended. */
  readonly #finals: StepRequest[] = [];
  /** Final read-outs that wait for the baseline's, whose whole distributions they are compared with. */
  readonly #held: Reading[] = [];
  readonly #keepsReference: boolean;
  #pending = 0;

  constructor(parts: ReadoutParts) {
    const { job, spec } = parts;
    this.#parts = parts;
    const bytes = job.readout.positions.length * spec.vocabSize * 8;
    this.#keepsReference = job.baseline !== null && job.schedules.length > 1 && bytes <= MAX_REFERENCE_BYTES;
    // The source's.
    if (job.normalise !== undefined) this.#pending++;
  }

  /** Readings that are not complete. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether a step is read out at all. */
  reads({ ends }: PrefixNode): boolean {
    return this.#parts.job.readout.layers === "all" || ends.length > 0;
  }

  /**
   * A step's stream is there. `full`: at all T positions, not only those read out. `values`: at the positions read out,
   * needed by the frozen-norm lens where schedules end.
   */
  arrived(node: PrefixNode, stream: Stream, full: boolean, values: Float32Array | null): void {
    const { backend, holdings, job } = this.#parts;
    const { positions, layers, lens } = job.readout;
    if (!this.reads(node)) return;
    const atPositions = holdings.own(full ? backend.take(stream, positions) : backend.retain(stream));
    if (lens === "frozen-norm") this.#readFrozen(node, atPositions, values);
    else this.#read(node, layers === "all" ? node.variants : node.ends, atPositions, null);
  }

  /** The source has run to its end: its read-out is 1 on the scale of effects. `stream`: all positions, held for this. */
  arrivedSource(tokens: readonly number[], stream: Stream): void {
    const { backend, holdings, job, effects } = this.#parts;
    const rows = holdings.own(backend.take(stream, job.readout.positions));
    holdings.release(stream);
    const result = this.#emptyResult(tokens, false);
    const complete = () => {
      if (this.#isFinite(result, "the source's last layer")) effects?.setSource(result.rows);
    };
    this.#parts.read(this.#reading(rows, result, complete));
  }

  /** Asks for the divergences that the cheap identities leave in doubt. False: there are none (any more). */
  readDoubts(): boolean {
    const doubtful = this.#parts.result.doubtful();
    if (!doubtful) return false;
    this.#pending++;
    const lens = this.#parts.job.readout.lens === "frozen-norm" ? "hiddenFrozenNorm" : "hidden";
    const { mode, rows, result } = doubtful;
    this.#parts.read({ ...this.#reading(rows, result, () => {}), mode, lens, due: 0 });
    return true;
  }

  /** The frozen-norm lens divides by the last residual's scale: a schedule's rows are read when it has ended. */
  #readFrozen(node: PrefixNode, atPositions: Stream, values: Float32Array | null): void {
    const { holdings, job, spec } = this.#parts;
    this.#atPositions.set(node, atPositions);
    if (node.ends.length === 0) return;
    const inverseSigma = inverseScales(values as Float32Array, spec.dModel, spec.finalNorm.kind, spec.finalNorm.epsilon);
    const path = job.readout.layers === "all" ? pathTo(node) : [node];
    for (const each of path) this.#read(each, node.ends, holdings.retain(this.#atPositions.get(each) as Stream), inverseSigma);
  }

  /** Asks for a step's read-out; `rows` are held for it. */
  #read(node: PrefixNode, variants: readonly number[], rows: Stream, inverseSigma: Float32Array | null): void {
    const { result } = this.#parts;
    const { layers } = this.#parts.job.readout;
    const ends = node.ends.some((variant) => variants.includes(variant));
    const compared = ends && result.isCompared(node.ends);
    this.#pending++;
    if (layers === "final" && this.#keepsReference) {
      this.#finals.push({ node, variants, rows, inverseSigma, compared });
      if (this.#finals.length === this.#parts.endings) this.#readFinals();
      return;
    }
    const expects = ends && (layers === "all" || compared);
    this.#parts.read(this.#stepReading({ node, variants, rows, inverseSigma }, { expects }));
  }

  /**
   * All schedules have ended. In one chunk with the baseline's rows, where all fit: one pass over the unembed; else the
   * baseline's first, whose distributions are kept for the others.
   */
  #readFinals(): void {
    const { job } = this.#parts;
    const [baseline, ...others] = this.#finals.sort((a, b) => Number(b.compared) - Number(a.compared)) as [StepRequest];
    if (this.#finals.length * job.readout.positions.length <= READOUT_CHUNK) {
      const joint: Reading[] = [];
      for (const each of this.#finals) joint.push(this.#stepReading(each, { joint }));
      for (const reading of joint) this.#parts.read(reading);
      return;
    }
    this.#held.push(...others.map((each) => this.#stepReading(each, {})));
    this.#parts.read(this.#stepReading(baseline, { keeps: true }));
  }

  #stepReading(
    { node, variants, rows, inverseSigma }: StepRequest,
    { expects = false, keeps = false, joint = null }: Partial<Pick<Reading, "expects" | "keeps" | "joint">>,
  ): Reading {
    const { job } = this.#parts;
    const result = this.#emptyResult(job.tokens, expects);
    return {
      ...this.#reading(rows, result, () => this.#complete(node, variants, result)),
      expects,
      keeps,
      joint,
      lens: inverseSigma ? "frozenNorm" : "standard",
      inverseSigma,
      // Layers are streamed: they wait a moment for company. What only the result needs waits for a full chunk.
      ...(job.readout.layers === "final" && { due: Number.POSITIVE_INFINITY }),
    };
  }

  /** A reading with nothing special about it. */
  #reading(rows: Reading["rows"], result: ReadingResult, complete: () => void): Reading {
    const { run, holdings, settled } = this.#parts;
    return {
      ...{
        run,
        rows,
        result,
        mode: "readout",
        lens: "standard",
        ranks: this.#parts.job.readout.ranks !== false,
        expects: false,
        keeps: false,
        reference: null,
        joint: null,
        inverseSigma: null,
        done: 0,
      },
      due: performance.now() + PATIENCE_MS,
      complete: () => {
        this.#pending--;
        if ("count" in rows) holdings.release(rows);
        complete();
        settled();
      },
    };
  }

  /** A step's reading goes out as a layer event, and into the result. */
  #complete(node: PrefixNode, variants: readonly number[], result: ReadingResult): void {
    const blocks = node.step?.map(({ block }) => block).join(", ");
    if (!this.#isFinite(result, blocks === undefined ? "the embedding" : `step ${node.depth} (layer ${blocks})`)) return;
    this.#parts.result.add(variants, node.depth, result);
    if (result.kept.length > 0) this.#release(result);
    this.#emitLayer(node, variants, result);
  }

  /** With `normalise`, what ends here waits for both ends of the scale; what passes does not. */
  #emitLayer(node: PrefixNode, variants: readonly number[], { rows }: ReadingResult): void {
    const { effects, captures } = this.#parts;
    const { baseline, quiet, readout } = this.#parts.job;
    // The frozen-norm lens reads what schedules share once for each that ends.
    const captured = captures(node, readout.lens === "standard") ?? {};
    const shown = quiet && readout.layers === "final" ? {} : { readout: rows };
    const event = { type: "layer", step: node.depth, ...shown, ...captured } as const;
    const emit = quiet && Object.keys(captured).length === 0 ? () => {} : this.#parts.emit;
    const ending = effects ? variants.filter((variant) => variant !== baseline && node.ends.includes(variant)) : [];
    const passing = variants.filter((variant) => !ending.includes(variant));
    if (passing.length > 0) emit({ ...event, variants: passing });
    if (effects && baseline !== null && variants.includes(baseline) && node.ends.includes(baseline)) effects.setBaseline(rows);
    if (ending.length > 0) effects?.whenKnown(() => emit({ ...event, variants: ending, effect: effects.of(rows) }));
  }

  #emptyResult(tokens: readonly number[], expects: boolean): ReadingResult {
    const { dModel, tokenCount } = this.#parts.spec;
    const { positions, topK, targets } = this.#parts.job.readout;
    const followed = followedIds(tokens, positions, targets);
    return emptyResult(positions.length, dModel, Math.min(topK, tokenCount), followed, expects);
  }

  #isFinite({ entropyNats }: ReadingResult, where: string): boolean {
    if (entropyNats.every(Number.isFinite)) return true;
    this.#parts.fail(new Problem("not_a_number", `The model produced values that are not numbers, first seen after ${where}.`));
    return false;
  }

  /** The baseline's distributions are there: what is compared with them can be read out; after the last of it they go. */
  #release(reference: ReadingResult): void {
    const compared = this.#held.splice(0);
    let left = compared.length;
    for (const reading of compared) {
      const complete = () => {
        if (--left === 0) reference.kept = [];
        reading.complete();
      };
      this.#parts.read({ ...reading, reference, complete });
    }
  }
}

/** [P, 1 + targets]: the prompt's next token (−1: none) and the job's targets. */
function followedIds(tokens: readonly number[], positions: readonly number[], targets: readonly number[]): Int32Array {
  const width = 1 + targets.length;
  const ids = new Int32Array(positions.length * width);
  for (const [index, position] of positions.entries()) ids.set([tokens[position + 1] ?? -1, ...targets], index * width);
  return ids;
}
