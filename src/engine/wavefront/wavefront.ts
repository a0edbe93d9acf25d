/**
 * The wavefront of one model: at every step all rows that wait for the same block run in one call, the lowest
 * block first, whatever run or schedule they belong to; read-outs go between the calls.
 */
import { Problem } from "../../problem.ts";
import type { BlockRowResult } from "../backend/backend.ts";
import type { EngineEvent, RunJob } from "../protocol.ts";
import { Readings } from "./readings.ts";
import { type Batch, ReadyRows } from "./ready-rows.ts";
import { Run, type RunParts } from "./run.ts";

/** Positions that one call computes at most: beyond this, activations leave the cache (measured: 500–800). */
export const TOKEN_BUDGET = 768;

export interface WavefrontParts extends RunParts {
  readonly tokenBudget?: number;
}

export class Wavefront {
  readonly #parts: WavefrontParts;
  readonly #budget: number;
  readonly #ready = new ReadyRows();
  readonly #urgent = new Readings();
  readonly #patient = new Readings({ comparesFirst: true });
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
    return this.#parts.memory?.bytes ?? 0;
  }

  get hasWork(): boolean {
    return this.#ready.count > 0 || this.#urgent.count > 0 || this.#patient.count > 0;
  }

  /** Whether a call would be for an interactive run. */
  get isUrgent(): boolean {
    return this.#urgent.count > 0 || this.#ready.has("interactive");
  }

  /** A run joins at the next step. Its events, ending with one `done` or `error`, go to `emit`. */
  add(job: RunJob, emit: (event: EngineEvent) => void): void {
    const run = new Run(
      job,
      this.#parts,
      {
        ready: (row) => this.#ready.push(row),
        read: (reading) => (job.priority === "interactive" ? this.#urgent : this.#patient).push(reading),
        finished: (ended) => this.#forget(ended),
      },
      emit,
    );
    this.#runs.set(job.id, run);
    try {
      run.start();
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
    for (const { run } of rows) run.began();
    const tokens = rows.reduce((sum, row) => sum + (row.live?.length ?? row.length), 0);
    this.#parts.counters.blockCall(rows.length, tokens);
    try {
      const results = await this.#parts.backend.runBlock(block, rows);
      for (const [index, row] of rows.entries()) {
        const result = results[index] as BlockRowResult;
        if (row.run.over) this.#parts.backend.release(result.residPost);
        else await row.complete(result);
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
      const { complete, rows } = await readings.runChunk(this.#parts.backend, this.#parts.spec.dModel);
      this.#parts.counters.readoutCall(rows);
      for (const reading of complete) if (!reading.run.over) reading.complete();
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
