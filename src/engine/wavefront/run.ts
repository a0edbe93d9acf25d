/** One run on its way through the wavefront: what has been computed, what was read out, what is still missing. */
import { attentionLocality } from "../../metrics/attention-locality.ts";
import { inverseScales, meanOf, rowNorms, takeRows } from "../../metrics/vectors.ts";
import { Problem } from "../../problem.ts";
import type { BlockRowResult } from "../block-runner.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { EngineEvent, LayerEvent, RunJob } from "../protocol.ts";
import { allNodes, type PrefixNode, pathTo, prefixTree } from "./prefix-tree.ts";
import { emptyResult, type Reading, type ReadingResult } from "./reading.ts";
import type { ReadyRow } from "./ready-rows.ts";
import { RunResult } from "./run-result.ts";

/** How long a layer's read-out may wait for others, so that one pass over the unembed serves several layers. */
const PATIENCE_MS = 3;

/** Whole distributions are kept for comparisons up to this size: GPT-2's vocabulary at 300 positions. Beyond, the
 * expectation's identity serves, which keeps d_model numbers a position. */
const MAX_REFERENCE_BYTES = 128 * 2 ** 20;

/** Where a run hands its work to. */
export interface Work {
  ready(row: ReadyRow): void;
  read(reading: Reading): void;
  finished(run: Run): void;
}

type Captures = Pick<LayerEvent, "norms" | "patterns" | "locality">;

export class Run {
  readonly job: RunJob;
  readonly #spec: ModelSpec;
  readonly #work: Work;
  readonly #emit: (event: EngineEvent) => void;
  readonly #root: PrefixNode;
  readonly #result: RunResult;
  readonly #members = new Map<PrefixNode, (BlockRowResult | null)[]>();
  readonly #captures = new Map<PrefixNode, Captures>();
  /** [P, d] at the positions read out; kept by the frozen-norm lens, which reads out when a schedule has ended. */
  readonly #atPositions = new Map<PrefixNode, Float32Array>();
  readonly #followed: Int32Array;
  readonly #created = performance.now();
  #started: number | null = null;
  #servedAt = this.#created;
  /** Final read-outs that wait for the baseline's, whose whole distributions they are compared with. */
  readonly #held: Reading[] = [];
  readonly #keepsReference: boolean;
  #reference: ReadingResult | null = null;
  #nodesLeft: number;
  #readingsLeft = 0;
  #over = false;

  constructor(job: RunJob, spec: ModelSpec, work: Work, emit: (event: EngineEvent) => void) {
    this.job = job;
    this.#spec = spec;
    this.#work = work;
    this.#emit = emit;
    this.#root = prefixTree(job.schedules);
    this.#nodesLeft = allNodes(this.#root).length;
    this.#result = new RunResult(job, spec.dModel);
    this.#followed = followedIds(job);
    const bytes = job.readout.positions.length * spec.vocabSize * 8;
    this.#keepsReference = job.baseline !== null && job.schedules.length > 1 && bytes <= MAX_REFERENCE_BYTES;
  }

  get over(): boolean {
    return this.#over;
  }

  /** `embedded`: [T, d]. */
  start(embedded: Float32Array): void {
    this.#advance(this.#root, embedded, null);
  }

  /** When a call last computed for this run, on performance.now()'s clock. */
  get servedAt(): number {
    return this.#servedAt;
  }

  /** A call that computes for this run begins. */
  began(): void {
    this.#servedAt = performance.now();
    this.#started ??= this.#servedAt;
  }

  /** Which of the call's outputs this row is for. */
  wants({ node }: ReadyRow): { norms: boolean; components: boolean; patterns: boolean } {
    const { capture } = this.job;
    const norms = capture.includes("norms");
    return {
      norms: norms && node.step?.length === 1,
      components: norms && node.step?.length !== 1,
      patterns: capture.includes("patterns") || capture.includes("attention_locality"),
    };
  }

  /** A row has run; with the last of a step's blocks the step is done. */
  completeRow(row: ReadyRow, result: BlockRowResult): void {
    const { node } = row;
    const step = node.step as NonNullable<PrefixNode["step"]>;
    const members = this.#members.get(node) ?? step.map(() => null);
    members[row.member] = result;
    this.#members.set(node, members);
    if (members.includes(null)) return;
    this.#members.delete(node);
    const done = members as BlockRowResult[];
    this.#captures.set(node, this.#capturesOf(node, done, row.live === null));
    this.#advance(node, meanOf(done.map(({ residPost }) => residPost)), row.live);
  }

  /** A reading is complete: it goes out as a layer event, or into the result. */
  completeReading(reading: Reading): void {
    this.#readingsLeft--;
    const { node, result } = reading;
    if (node) {
      if (!result.entropyNats.every(Number.isFinite)) {
        const blocks = node.step?.map(({ block }) => block).join(", ");
        const where = blocks === undefined ? "the embedding" : `step ${node.depth} (layer ${blocks})`;
        this.fail(new Problem("not_a_number", `The model produced values that are not numbers, first seen after ${where}.`));
        return;
      }
      this.#result.add(reading);
      if (result.kept) this.#release(result);
      this.#emit({
        type: "layer",
        variants: reading.variants,
        step: node.depth,
        readout: result.rows,
        ...this.#captures.get(node),
      });
    }
    this.#finishIfDone();
  }

  /** Ends the run with an error; what it still waits for is dropped by the wavefront. */
  fail(problem: Problem): void {
    if (this.#over) return;
    this.#over = true;
    this.#emit({ type: "error", problem: problem.data });
    this.#work.finished(this);
  }

  /** A node's residual stream is there. `live`: the positions in x, null for all. */
  #advance(node: PrefixNode, x: Float32Array, live: readonly number[] | null): void {
    this.#nodesLeft--;
    const { job } = this;
    for (const child of node.children) {
      const childLive = child.children.length > 0 ? null : job.readout.positions;
      for (const [member, use] of (child.step ?? []).entries()) {
        this.#work.ready({ run: this, node: child, member, use, x, length: job.tokens.length, live: childLive });
      }
    }
    const atPositions = live ? x : takeRows(x, this.#spec.dModel, job.readout.positions);
    if (job.readout.lens === "frozen-norm") this.#readFrozen(node, atPositions);
    else if (this.#isRead(node)) this.#read(node, job.readout.layers === "all" ? node.variants : node.ends, atPositions, null);
    const captured = this.#captures.get(node);
    const waits = job.readout.lens === "frozen-norm" ? job.readout.layers === "all" || node.ends.length > 0 : this.#isRead(node);
    if (!waits && captured && Object.keys(captured).length > 0) {
      this.#emit({ type: "layer", variants: node.variants, step: node.depth, ...captured });
    }
    this.#finishIfDone();
  }

  #isRead(node: PrefixNode): boolean {
    return this.job.readout.layers === "all" || node.ends.length > 0;
  }

  /** The frozen-norm lens divides by the last residual's scale: a schedule's rows are read when it has ended. */
  #readFrozen(node: PrefixNode, atPositions: Float32Array): void {
    this.#atPositions.set(node, atPositions);
    if (node.ends.length === 0) return;
    const { dModel, finalNorm } = this.#spec;
    const inverseSigma = inverseScales(atPositions, dModel, finalNorm.kind, finalNorm.epsilon);
    const path = this.job.readout.layers === "all" ? pathTo(node) : [node];
    for (const each of path) this.#read(each, node.ends, this.#atPositions.get(each) as Float32Array, inverseSigma);
  }

  #read(node: PrefixNode, variants: readonly number[], x: Float32Array, inverseSigma: Float32Array | null): void {
    const ends = node.ends.some((variant) => variants.includes(variant));
    const { positions, topK, layers } = this.job.readout;
    const compared = ends && this.#result.isCompared(node.ends);
    const compares = layers === "final" && this.#keepsReference;
    const expects = ends && (layers === "all" || (compared && !compares));
    const k = Math.min(topK, this.#spec.tokenCount);
    const result = emptyResult(
      positions.length,
      this.#spec.dModel,
      k,
      this.#followed,
      expects,
      compared && compares ? this.#spec.vocabSize : 0,
    );
    const lens = inverseSigma ? "frozenNorm" : "standard";
    // Layers are streamed: they wait a moment for company. What only the result needs waits for a full chunk.
    const due = layers === "all" ? performance.now() + PATIENCE_MS : Number.POSITIVE_INFINITY;
    this.#readingsLeft++;
    const reading: Reading = {
      run: this,
      node,
      variants,
      mode: "readout",
      expects,
      reference: null,
      lens,
      x,
      other: null,
      inverseSigma,
      result,
      done: 0,
      due,
    };
    if (!compares || compared) this.#work.read(reading);
    else if (this.#reference) this.#work.read({ ...reading, reference: this.#reference });
    else this.#held.push(reading);
  }

  /** The baseline's distributions are there: what is compared with them can be read out. */
  #release(reference: ReadingResult): void {
    this.#reference = reference;
    for (const reading of this.#held.splice(0)) this.#work.read({ ...reading, reference });
  }

  #finishIfDone(): void {
    if (this.#over || this.#nodesLeft > 0 || this.#readingsLeft > 0) return;
    const doubtful = this.#result.doubtful();
    if (doubtful) {
      this.#readingsLeft++;
      const lens = this.job.readout.lens === "frozen-norm" ? "hiddenFrozenNorm" : "hidden";
      this.#work.read({
        ...doubtful,
        run: this,
        node: null,
        variants: [],
        reference: null,
        lens,
        inverseSigma: null,
        done: 0,
        due: 0,
      });
      return;
    }
    this.#over = true;
    this.#emit(this.#result.event());
    const now = performance.now();
    const started = this.#started ?? now;
    this.#emit({ type: "done", queueMs: started - this.#created, engineMs: now - started });
    this.#work.finished(this);
  }

  #capturesOf(node: PrefixNode, members: readonly BlockRowResult[], full: boolean): Captures {
    const { capture, readout, tokens } = this.job;
    const step = node.step as NonNullable<PrefixNode["step"]>;
    const at = (values: Float32Array, width: number) =>
      full ? takeRows(values, width, readout.positions) : values.slice(0, readout.positions.length * width);
    const captures: { -readonly [name in keyof Captures]: Captures[name] } = {};
    const first = members[0] as BlockRowResult;
    const ran = (component: "attn" | "mlp") => step.some((use) => use.component === undefined || use.component === component);
    if (first.norms) {
      const { attnOut, mlpOut, residPost } = first.norms;
      captures.norms = {
        attnOut: ran("attn") ? at(attnOut, 1) : null,
        mlpOut: ran("mlp") ? at(mlpOut, 1) : null,
        residPost: at(residPost, 1),
      };
    } else if (first.components) {
      // Of a parallel group: the norms of the mean of what its blocks wrote.
      const norm = (parts: readonly Float32Array[]) => at(rowNorms(meanOf(parts), this.#spec.dModel), 1);
      const parts = members.map(({ components }) => components as NonNullable<BlockRowResult["components"]>);
      captures.norms = {
        attnOut: ran("attn") ? norm(parts.map(({ attnOut }) => attnOut)) : null,
        mlpOut: ran("mlp") ? norm(parts.map(({ mlpOut }) => mlpOut)) : null,
        residPost: norm(members.map(({ residPost }) => residPost)),
      };
    }
    if (first.pattern) {
      const patterns = members.flatMap(({ pattern }, index) => {
        const use = step[index];
        return pattern && use && use.component !== "mlp" ? [{ block: use.block, weights: pattern }] : [];
      });
      if (capture.includes("patterns")) captures.patterns = patterns;
      if (capture.includes("attention_locality")) {
        captures.locality = patterns.map(({ block, weights }) => ({
          block,
          ...attentionLocality(weights, this.#spec.blocks[block]?.attention.heads as number, tokens.length),
        }));
      }
    }
    return captures;
  }
}

/** [P, 1 + targets]: the prompt's next token (−1: none) and the job's targets. */
function followedIds({ tokens, readout }: RunJob): Int32Array {
  const width = 1 + readout.targets.length;
  const ids = new Int32Array(readout.positions.length * width);
  for (const [index, position] of readout.positions.entries()) {
    ids.set([tokens[position + 1] ?? -1, ...readout.targets], index * width);
  }
  return ids;
}
