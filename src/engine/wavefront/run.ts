/** One run on its way through the wavefront: what has been computed, what was read out, what is still missing. */
import { meanOf, takeRows } from "../../metrics/vectors.ts";
import type { Problem } from "../../problem.ts";
import type { Backend, BlockRowResult, RowWants, Stream } from "../backend/backend.ts";
import type { Counters } from "../counters.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { EngineEvent, RunJob } from "../protocol.ts";
import type { Step } from "../schedule.ts";
import type { Unembed } from "../unembed.ts";
import { Additions, type Needs, needsOf, OWN_PROMPT } from "./additions.ts";
import { AttributionRecorder } from "./attribution.ts";
import { CaptureReader, type Captures } from "./captures.ts";
import { EffectScale } from "./effects.ts";
import { Holdings } from "./holdings.ts";
import { allNodes, isUntouched, type PrefixNode, prefixTree } from "./prefix-tree.ts";
import type { Reading } from "./reading.ts";
import type { ReadyRow } from "./ready-rows.ts";
import { keyAfter, promptKey, type RunMemory } from "./run-memory.ts";
import { RunReadouts } from "./run-readouts.ts";
import { RunResult } from "./run-result.ts";
import { Source } from "./source.ts";

/** Of a run with more schedules only untouched steps are remembered: nobody comes back to one variant of a sweep. */
const MAX_REMEMBERED_SCHEDULES = 4;

/** Where a run hands its work to. */
export interface Work {
  ready(row: ReadyRow): void;
  read(reading: Reading): void;
  finished(run: Run): void;
}

/** What a run needs of its model. */
export interface RunParts {
  readonly spec: ModelSpec;
  readonly backend: Backend;
  readonly unembed: Unembed;
  /** Token ids → [T, d] */
  readonly embed: (tokens: readonly number[]) => Float32Array;
  /** null: nothing is remembered. */
  readonly memory: RunMemory | null;
  readonly counters: Counters;
}

/** A block of a step whose input is there, held for it. */
interface WaitingRow {
  readonly node: PrefixNode;
  readonly member: number;
  readonly x: Stream;
  readonly live: readonly number[] | null;
}

export class Run {
  readonly job: RunJob;
  readonly #parts: RunParts;
  readonly #work: Work;
  readonly #emit: (event: EngineEvent) => void;
  readonly #root: PrefixNode;
  readonly #captureReader: CaptureReader;
  readonly #attribution: AttributionRecorder | null;
  readonly #result: RunResult;
  readonly #readouts: RunReadouts;
  readonly #holdings: Holdings;
  readonly #sources = new Map<number, Source>();
  readonly #additions: Additions;
  /** Rows that wait for what their edits add. */
  #blocked: WaitingRow[] = [];
  /** Steps whose streams were recalled and that have not arrived. */
  readonly #remembered: { readonly node: PrefixNode; readonly stream: Stream }[] = [];
  #arriving = false;
  readonly #members = new Map<PrefixNode, (BlockRowResult | null)[]>();
  readonly #captures = new Map<PrefixNode, Captures>();
  readonly #keys = new Map<PrefixNode, string>();
  readonly #created = performance.now();
  #started: number | null = null;
  #servedAt = this.#created;
  #nodesLeft: number;
  #over = false;

  constructor(job: RunJob, parts: RunParts, work: Work, emit: (event: EngineEvent) => void) {
    const { spec, backend, unembed } = parts;
    this.job = job;
    this.#parts = parts;
    this.#work = work;
    this.#emit = emit;
    this.#holdings = new Holdings(backend);
    this.#root = prefixTree(job.schedules);
    const nodes = allNodes(this.#root);
    this.#nodesLeft = nodes.length;
    const effects = job.normalise === undefined ? null : new EffectScale(job);
    this.#result = new RunResult(job, spec, effects);
    this.#readouts = new RunReadouts({
      ...{ run: this, job, spec, backend, effects, emit },
      endings: nodes.filter(({ ends }) => ends.length > 0).length,
      holdings: this.#holdings,
      result: this.#result,
      captures: (node, isLast) => this.#shown(node, isLast),
      read: (reading) => work.read(reading),
      fail: (problem) => this.fail(problem),
      settled: () => this.#finishIfDone(),
    });
    const targets = job.capture.includes("attribution") ? unembed.logitDirections(job.readout.targets) : null;
    this.#attribution = targets && new AttributionRecorder(job, spec, targets);
    this.#captureReader = new CaptureReader(job, spec, targets?.directions ?? null);
    const vectors = (job.vectors ?? []).map((vector) => unembed.vector(vector));
    this.#additions = new Additions(vectors, this.#sources);
  }

  get over(): boolean {
    return this.#over;
  }

  /** When a call last computed for this run, on performance.now()'s clock. */
  get servedAt(): number {
    return this.#servedAt;
  }

  /** Embeds the prompt and hands out the first rows. */
  start(): void {
    const { embed, backend, memory } = this.#parts;
    const embedded = embed(this.job.tokens); // [T, d]
    if (memory) this.#keys.set(this.#root, promptKey(this.job.tokens));
    this.#startSources(needsOf(this.job), embedded);
    this.#captures.set(this.#root, this.#captureReader.ofEmbedding(embedded));
    const atPositions = takeRows(embedded, this.#parts.spec.dModel, this.job.readout.positions);
    this.#attribution?.embedded(this.#root, atPositions);
    this.#arrive(this.#root, this.#holdings.own(backend.upload(embedded)), true, atPositions);
  }

  /** A call that computes for this run begins. */
  began(): void {
    this.#servedAt = performance.now();
    this.#started ??= this.#servedAt;
  }

  /** Ends the run with an error; what it still waits for is dropped by the wavefront. */
  fail(problem: Problem): void {
    if (this.#over) return;
    this.#emit({ type: "error", problem: problem.data });
    this.#end();
  }

  #startSources(needs: Needs, embedded: Float32Array): void {
    const { spec, backend, embed } = this.#parts;
    const indices = new Set(needs.keys());
    if (this.job.normalise !== undefined) indices.add(this.job.normalise);
    for (const index of indices) {
      const tokens = index === OWN_PROMPT ? this.job.tokens : (this.job.sources?.[index]?.tokens ?? []);
      const source = new Source(tokens.length, needs.get(index) ?? new Map(), index === this.job.normalise, {
        run: this,
        spec,
        backend,
        holdings: this.#holdings,
        ready: (row) => this.#work.ready(row),
        progressed: () => this.#unblock(),
        ended: (stream) => this.#readouts.arrivedSource(tokens, stream),
      });
      this.#sources.set(index, source);
      source.start(index === OWN_PROMPT ? embedded : embed(tokens));
    }
  }

  /**
   * A node's residual stream is there, held for this. `full`: at all T positions, not only those read out. `values`: at
   * the positions read out, where they were asked for.
   */
  #arrive(node: PrefixNode, stream: Stream, full: boolean, values: Float32Array | null): void {
    this.#nodesLeft--;
    this.#readouts.arrived(node, stream, full, values);
    if (node.ends.length > 0 && this.#attribution) {
      this.#result.attribute(node.ends, this.#attribution.of(node, values as Float32Array));
    }
    if (!this.#readouts.reads(node)) {
      const captured = this.#shown(node, true);
      if (captured && Object.keys(captured).length > 0)
        this.#emit({ type: "layer", variants: node.variants, step: node.depth, ...captured });
    }
    for (const child of node.children) this.#enter(child, stream);
    this.#holdings.release(stream);
    this.#arriveRemembered();
    this.#finishIfDone();
  }

  /** What a step shows; let go where it is shown for the last time: patterns are large. */
  #shown(node: PrefixNode, isLast: boolean): Captures | undefined {
    const captured = this.#captures.get(node);
    if (isLast) this.#captures.delete(node);
    return captured;
  }

  /** Steps that are remembered arrive one after another: each may find the next one remembered, thousands deep. */
  #arriveRemembered(): void {
    if (this.#arriving) return;
    this.#arriving = true;
    for (let next = this.#remembered.pop(); next && !this.#over; next = this.#remembered.pop())
      this.#arrive(next.node, next.stream, true, null);
    this.#arriving = false;
  }

  /** A step's input is there: its blocks get rows, or its stream is remembered. */
  #enter(node: PrefixNode, x: Stream): void {
    const { memory, counters } = this.#parts;
    const step = node.step as Step;
    if (memory) {
      const key = keyAfter(this.#keys.get(node.parent as PrefixNode) as string, step, this.job);
      this.#keys.set(node, key);
      if (!this.#captureReader.needsRun && this.job.readout.lens === "standard") {
        const known = memory.recall(key, this.#captureReader.norms);
        if (known) {
          counters.remembered();
          if (known.norms && this.#captureReader.norms)
            this.#captures.set(node, { norms: this.#captureReader.normRows(known.norms, true) });
          this.#remembered.push({ node, stream: this.#holdings.own(known.stream) });
          return;
        }
        counters.computed();
      }
    }
    const all = node.children.length > 0 || this.#captureReader.needsAllPositions;
    const live = all ? null : this.job.readout.positions;
    for (const [member, use] of step.entries()) {
      const waiting = { node, member, x: this.#holdings.retain(x), live };
      if (this.#additions.isReady(use)) this.#push(waiting);
      else this.#blocked.push(waiting);
    }
  }

  #push({ node, member, x, live }: WaitingRow): void {
    const step = node.step as Step;
    const use = step[member] as Step[number];
    this.#work.ready({
      run: this,
      x,
      length: this.job.tokens.length,
      live,
      use,
      edits: this.#additions.resolve(use),
      wants: this.#wants(node, step, use),
      complete: (result) => this.#completeRow(node, member, x, live === null, result),
    });
  }

  #unblock(): void {
    const isReady = ({ node, member }: WaitingRow) => this.#additions.isReady((node.step as Step)[member] as Step[number]);
    const now = this.#blocked.filter(isReady);
    if (now.length === 0) return;
    this.#blocked = this.#blocked.filter((waiting) => !isReady(waiting));
    for (const waiting of now) this.#push(waiting);
  }

  #wants(node: PrefixNode, step: Step, use: Step[number]): RowWants {
    const wants = this.#captureReader.wants(step, use);
    return wants.residual || !this.#needsValues(node) ? wants : { ...wants, residual: true };
  }

  /** Whether a stream's own numbers are needed, for the final norm's scale or for what edits changed. */
  #needsValues({ ends }: PrefixNode): boolean {
    const scale = this.#attribution !== null || this.job.readout.lens === "frozen-norm";
    return (ends.length > 0 && scale) || this.#attribution?.needsStreams === true;
  }

  /** A row has run; with the last of a step's blocks the step is done. */
  async #completeRow(node: PrefixNode, member: number, x: Stream, full: boolean, result: BlockRowResult): Promise<void> {
    const { backend, spec, memory } = this.#parts;
    this.#holdings.own(result.residPost);
    this.#holdings.release(x);
    const step = node.step as Step;
    const members = this.#members.get(node) ?? step.map(() => null);
    members[member] = result;
    this.#members.set(node, members);
    if (members.includes(null)) return;
    this.#members.delete(node);
    const results = members as BlockRowResult[];

    const norms = this.#captureReader.stepNorms(step, results);
    const captures = this.#captureReader.ofStep(step, results, full);
    this.#captures.set(node, norms ? { norms: this.#captureReader.normRows(norms, full), ...captures } : captures);
    let values: Float32Array | null = null;
    if (this.#needsValues(node)) {
      values = meanOf(results.map(({ residual }) => residual as Float32Array));
      if (full) values = takeRows(values, spec.dModel, this.job.readout.positions);
    }
    this.#attribution?.record(node, results, values);

    let stream = (results[0] as BlockRowResult).residPost;
    if (results.length > 1) {
      stream = await backend.mean(results.map(({ residPost }) => residPost));
      if (this.#over) return backend.release(stream);
      this.#holdings.own(stream);
      for (const { residPost } of results) this.#holdings.release(residPost);
    }
    // What runs in the background walks through texts that nobody comes back to.
    if (
      memory &&
      full &&
      this.job.priority === "interactive" &&
      (this.job.schedules.length <= MAX_REMEMBERED_SCHEDULES || isUntouched(node))
    )
      memory.remember(this.job, this.#keys.get(node) as string, stream, norms);
    this.#arrive(node, stream, full, values);
  }

  #finishIfDone(): void {
    if (this.#over || this.#nodesLeft > 0 || this.#readouts.pending > 0 || this.#readouts.readDoubts()) return;
    this.#emit(this.#result.event());
    const now = performance.now();
    const started = this.#started ?? now;
    this.#emit({ type: "done", queueMs: started - this.#created, engineMs: now - started });
    this.#end();
  }

  #end(): void {
    this.#over = true;
    this.#holdings.releaseAll();
    this.#work.finished(this);
  }
}
