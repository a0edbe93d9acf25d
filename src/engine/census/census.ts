/** The censuses of one model, one after another, beside its wavefront: a session of its own, there while it is needed. */
import type { InferenceSession } from "onnxruntime-node";
import { Problem } from "../../problem.ts";
import type { TensorFiles } from "../checkpoint/rows.ts";
import { writeCensus } from "../graph/census.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { CensusJob, CensusRows } from "../protocol.ts";
import { createSession } from "../session.ts";
import { countsInDouble, layerCensus } from "./layer-census.ts";
import { type RowSums, sumRows, type UnembedTable, unembedTable } from "./unembed-table.ts";

/** How long the session and the tables are kept for the next layer. */
const IDLE_MS = 30_000;

/** Given once: the rows, or what went wrong. */
export type CensusDone = (outcome: CensusRows | Problem) => void;

interface Waiting {
  readonly job: CensusJob;
  readonly done: CensusDone;
  readonly calls: AsyncGenerator<void, CensusRows>;
}

export interface CensusParts {
  readonly spec: ModelSpec;
  readonly files: TensorFiles;
  /** Of the session; null: one per core. */
  readonly threads: number | null;
  /** Where errors go that users are not told about. */
  readonly log: (error: unknown) => void;
}

/**
 * Counts on the CPU, wherever the blocks run: it reads the unembed where it lies in the file, and what a GPU would have
 * to hold for it is a second copy.
 */
export class Census {
  readonly #parts: CensusParts;
  readonly #waiting: Waiting[] = [];
  #session: Promise<InferenceSession> | null = null;
  #sums: RowSums | null = null;
  readonly #tables = new Map<CensusJob["weights"], UnembedTable>();
  #idle: ReturnType<typeof setTimeout> | null = null;

  constructor(parts: CensusParts) {
    this.#parts = parts;
  }

  /** Censuses that are not done. */
  get active(): number {
    return this.#waiting.length;
  }

  get hasWork(): boolean {
    return this.#waiting.length > 0;
  }

  /** Joins the queue. A layer or a token that the model has not is refused at once. */
  add(job: CensusJob, done: CensusDone): void {
    const problem = refusal(job, this.#parts.spec);
    if (problem) {
      done(problem);
      return;
    }
    this.#stay();
    this.#waiting.push({ job, done, calls: this.#calls(job) });
  }

  /** Ends a census with `problem`, between two calls. False: there is no such census. */
  cancel(id: string, problem: Problem): boolean {
    const index = this.#waiting.findIndex(({ job }) => job.id === id);
    if (index < 0) return false;
    const [cancelled] = this.#waiting.splice(index, 1) as [Waiting];
    cancelled.done(problem);
    this.#rest();
    return true;
  }

  /** Makes one call, or reads one piece of the unembed, for the oldest. */
  async step(): Promise<void> {
    const [oldest] = this.#waiting;
    if (!oldest) return;
    try {
      const { done, value } = await oldest.calls.next();
      if (done) this.#end(oldest, value);
    } catch (error) {
      this.#parts.log(error);
      const failed = new Problem("engine_failed", "A call of the model failed; the engine's log has the details.");
      this.#end(oldest, error instanceof Problem ? error : failed);
    }
  }

  /** Lets session and tables go; nothing waits any more. */
  async close(): Promise<void> {
    this.#stay();
    const session = this.#session;
    this.#session = null;
    this.#sums = null;
    this.#tables.clear();
    await (await session)?.release();
  }

  async *#calls(job: CensusJob): AsyncGenerator<void, CensusRows> {
    const { spec, files, threads } = this.#parts;
    this.#session ??= createSession(writeCensus(spec, countsInDouble(spec)), { threads, weights: "mapped", half: "kept" }).catch(
      (error: unknown) => {
        this.#session = null;
        throw error;
      },
    );
    const session = await this.#session;
    this.#sums ??= yield* sumRows(spec, files);
    const sums = this.#sums;
    const table = this.#tables.get(job.weights) ?? (yield* unembedTable(spec, files, job.weights, sums, countsInDouble(spec)));
    this.#tables.set(job.weights, table);
    return yield* layerCensus(job, { spec, files, session, sums, table });
  }

  #end(one: Waiting, outcome: CensusRows | Problem): void {
    const index = this.#waiting.indexOf(one);
    if (index < 0) return; // cancelled meanwhile
    this.#waiting.splice(index, 1);
    one.done(outcome);
    this.#rest();
  }

  /** Nothing waits: what is held goes after a while. */
  #rest(): void {
    if (this.#waiting.length > 0) return;
    this.#stay();
    this.#idle = setTimeout(() => void this.close(), IDLE_MS);
    this.#idle.unref?.();
  }

  #stay(): void {
    if (this.#idle) clearTimeout(this.#idle);
    this.#idle = null;
  }
}

function refusal({ layer, tokenSets = [] }: CensusJob, { nLayers, tokenCount }: ModelSpec): Problem | null {
  if (!Number.isInteger(layer) || layer < 0 || layer >= nLayers)
    return new Problem(
      "invalid_request",
      `A census of layer ${layer} is not possible; the model has layers 0 to ${nLayers - 1}.`,
    );
  for (const [set, tokens] of tokenSets.entries()) {
    const unknown = tokens.find((id) => !Number.isInteger(id) || id < 0 || id >= tokenCount);
    if (unknown !== undefined)
      return new Problem(
        "invalid_request",
        `Token set ${set} has the id ${unknown}; the model's ids are 0 to ${tokenCount - 1}.`,
      );
  }
  return null;
}
