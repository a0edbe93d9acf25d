/**
 * The wavefront of one model: at every step all rows that wait for the same block run in one call, the lowest
 * block first, whatever run or schedule they belong to; read-outs go between the calls.
 */
import { Problem } from "../../problem.ts";
import type { BlockRunner } from "../block-runner.ts";
import type { Counters } from "../counters.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { EngineEvent, RunJob } from "../protocol.ts";
import type { ReadoutRunner } from "../readout-runner.ts";
import { Readings } from "./readings.ts";
import { type Batch, ReadyRows } from "./ready-rows.ts";
import { Run } from "./run.ts";

/** Positions that one call computes at most: beyond this, activations leave the cache (2-engine: 500–800). */
export const TOKEN_BUDGET = 768;

export interface WavefrontParts {
  readonly spec: ModelSpec;
  readonly blocks: BlockRunner;
  readonly readout: ReadoutRunner;
  /** Token ids → [T, d] */
  readonly embed: (tokens: readonly number[]) => Float32Array;
  readonly counters: Counters;
  readonly tokenBudget?: number;
}

export class Wavefront {
  readonly #parts: WavefrontParts;
  readonly #budget: number;
  readonly #ready = new ReadyRows();
  readonly #urgent = new Readings();
  readonly #patient = new Readings();
  readonly #runs = new Map<string, Run>();

  constructor(parts: WavefrontParts) {
    this.#parts = parts;
    this.#budget = parts.tokenBudget ?? TOKEN_BUDGET;
  }

  get activeRuns(): number {
    return this.#runs.size;
  }

  get readyRows(): number {
    return this.#ready.count;
  }

  /** Bytes of streams kept of recent prompts. */
  get memoryBytes(): number {
    return 0;
  }

  get hasWork(): boolean {
    return this.#ready.count > 0 || this.#urgent.count > 0 || this.#patient.count > 0;
  }

  /** A run joins at the next step. Its events, ending with one `done` or `error`, go to `emit`. */
  add(job: RunJob, emit: (event: EngineEvent) => void): void {
    const run = new Run(
      job,
      this.#parts.spec,
      {
        ready: (row) => this.#ready.push(row),
        read: (reading) => (job.priority === "interactive" ? this.#urgent : this.#patient).push(reading),
        finished: (ended) => this.#forget(ended),
      },
      emit,
    );
    this.#runs.set(job.id, run);
    try {
      run.start(this.#parts.embed(job.tokens));
    } catch (error) {
      run.fail(Problem.from(error));
      throw error;
    }
  }

  /** Ends a run with `problem`, between two calls. False: there is no such run. */
  cancel(id: string, problem: Problem): boolean {
    const run = this.#runs.get(id);
    run?.fail(problem);
    return run !== undefined;
  }

  /** Ends every run; the sessions can be released then. */
  close(problem: Problem): void {
    for (const run of [...this.#runs.values()]) run.fail(problem);
  }

  /** Makes one call: a block for all rows that wait for it, or one chunk of read-outs. */
  async step(): Promise<void> {
    const now = performance.now();
    if (this.#urgent.due(now)) return this.#readChunk(this.#urgent);
    if (!this.#ready.has("interactive")) {
      if (this.#urgent.count > 0) return this.#readChunk(this.#urgent);
      if (this.#patient.due(now)) return this.#readChunk(this.#patient);
    }
    const batch = this.#ready.take(this.#budget);
    if (batch) return this.#runBlock(batch);
    if (this.#patient.count > 0) return this.#readChunk(this.#patient);
  }

  async #runBlock({ block, rows }: Batch): Promise<void> {
    const wants = { norms: false, components: false, patterns: false };
    for (const row of rows) {
      row.run.began();
      const own = row.run.wants(row);
      wants.norms ||= own.norms;
      wants.components ||= own.components;
      wants.patterns ||= own.patterns;
    }
    const tokens = rows.reduce((sum, row) => sum + (row.live?.length ?? row.length), 0);
    this.#parts.counters.blockCall(rows.length, tokens);
    try {
      const results = await this.#parts.blocks.run(block, rows, wants);
      for (const [index, row] of rows.entries()) {
        const result = results[index];
        if (result && !row.run.over) row.run.completeRow(row, trim(result, row.run.wants(row)));
      }
    } catch (error) {
      this.#failAll(
        rows.map(({ run }) => run),
        error,
      );
    }
  }

  async #readChunk(readings: Readings): Promise<void> {
    const runs = [...this.#runs.values()];
    try {
      const { complete, rows } = await readings.runChunk(this.#parts.readout, this.#parts.spec.dModel);
      this.#parts.counters.readoutCall(rows);
      for (const reading of complete) if (!reading.run.over) reading.run.completeReading(reading);
    } catch (error) {
      this.#failAll(runs, error);
    }
  }

  #failAll(runs: readonly Run[], error: unknown): void {
    this.#parts.counters.log(error);
    for (const run of new Set(runs))
      run.fail(new Problem("engine_failed", "A call of the model failed; the engine's log has the details."));
  }

  #forget(run: Run): void {
    this.#runs.delete(run.job.id);
    this.#ready.drop(run);
    this.#urgent.drop(run);
    this.#patient.drop(run);
  }
}

/** Only what this row asked for: its mates may have asked for more. */
function trim<R extends { norms?: unknown; components?: unknown; pattern?: unknown }>(
  result: R,
  wants: { norms: boolean; components: boolean; patterns: boolean },
): R {
  return {
    ...result,
    norms: wants.norms ? result.norms : undefined,
    components: wants.components ? result.components : undefined,
    pattern: wants.patterns ? result.pattern : undefined,
  };
}
