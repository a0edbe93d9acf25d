/** Numbers so far: outputs added in the order of the chunks, as far as they are there without a gap. */
import type { Queryable } from "../store/database.ts";
import type { AnyKind, Fold } from "./kind.ts";
import { kindOf } from "./kinds/index.ts";
import { unpack } from "./pack.ts";
import { readOutputs } from "./repository.ts";
import type { ExperimentResult, ResultRow } from "./result.ts";
import { provenanceOf, type Study } from "./study.ts";

/** Chunks that are read at a time. */
const CHUNKS_AT_ONCE = 16;

/** A chunk's input as it is stored. */
export interface StoredInput {
  readonly units: number;
  readonly input: unknown;
}

export class Tally {
  readonly #id: string;
  readonly #study: Study;
  readonly #fold: Fold<unknown, unknown>;
  #next = 0;
  #result: Promise<ExperimentResult> | null = null;

  constructor(id: string, study: Study, kind: AnyKind = kindOf(study.kind)) {
    this.#id = id;
    this.#study = study;
    this.#fold = kind.fold(study);
  }

  /** Chunks that were added. */
  get chunks(): number {
    return this.#next;
  }

  /** Adds what has come since. */
  async advance(db: Queryable): Promise<void> {
    for (;;) {
      const found = await readOutputs(db, this.#id, this.#next, CHUNKS_AT_ONCE);
      if (found.length === 0) return;
      for (const { input, output } of found) {
        this.#fold.add(unpack(output), unpack<StoredInput>(input).input);
        this.#next++;
      }
    }
  }

  progress(): readonly ResultRow[] {
    return this.#fold.progress();
  }

  /** The result; all chunks have been added. Made once, however often it is asked for. */
  finish(): Promise<ExperimentResult> {
    this.#result ??= this.#finish();
    return this.#result;
  }

  async #finish(): Promise<ExperimentResult> {
    return { id: this.#id, ...provenanceOf(this.#study), ...(await this.#fold.finish()) };
  }
}
