/**
 * A kind of experiment, in four pure parts: what its chunks are, what one chunk computes, how outputs add up, and what
 * they add up to. Everything else (queueing, storing, resuming, streaming) is the same for all kinds.
 */

import type { DatasetSource } from "../datasets/datasets.ts";
import type { ServedModel } from "../runs/served-models.ts";
import type { TextTokenizer } from "../tokenizer/tokenizer.ts";
import type { Lab, LabJob } from "./lab.ts";
import type { Lengths } from "./lengths.ts";
import type { Material } from "./material.ts";
import type { Column, ResultRow, Table } from "./result.ts";
import type { Study } from "./study.ts";

/** What a request asks of a kind, checked by its schema. */
export interface Ask<Settings> {
  readonly settings: Settings;
  readonly model: ServedModel;
  readonly material: Material;
  /** For settings that name data sets of their own. */
  readonly datasets: DatasetSource;
  readonly prependBos: boolean;
  readonly seed: number;
}

/** One chunk: a few texts, a layer, whatever a kind computes at a time. */
export interface PlannedChunk<Input> {
  /** How much of the experiment's total it is: texts, layers, … */
  readonly units: number;
  /** Tokens of its longest run: memory is checked for the chunk that has most. Absent: no chunk's are more than the first one's. */
  readonly longest?: number;
  /** Plain data, with typed arrays. */
  readonly input: Input;
}

export interface Plan<Input> {
  readonly chunks: readonly PlannedChunk<Input>[];
  /** Kept in the study; plain JSON. */
  readonly notes?: Readonly<Record<string, unknown>>;
  /** Tokens of every text, where all have as many. */
  readonly tokensPerText: number | null;
  /** Of texts that were cut, or kept as long as they are. */
  readonly lengths?: Lengths;
  /** How many texts are used; 0: none. */
  readonly texts: number;
}

/** Outputs of chunks, added in the order of the chunks: so the numbers do not depend on who computed what when. */
export interface Fold<Input, Output> {
  add(output: Output, input: Input): void;
  /** The figure's main numbers of what was added: key columns, statistic, mean, count. */
  progress(): readonly ResultRow[];
  /** What takes longer than a moment leaves others their turn. */
  finish(): Finished | Promise<Finished>;
}

/** What the outputs of all chunks add up to. */
export interface Finished {
  readonly summary: Readonly<Record<string, unknown>>;
  readonly table: Table;
}

/** A chunk that was computed. */
export interface FinishedChunk<Input, Output> {
  readonly chunk: number;
  readonly input: Input;
  readonly output: Output;
}

/** A table beside the result, made from the outputs of chunks as they are read. */
export interface ExtraTable<Settings, Input, Output> {
  readonly description: string;
  /** Whether this experiment has it. */
  has(study: Study<Settings>): boolean;
  columns(study: Study<Settings>): readonly Column[];
  /** Rows of one chunk, in order. `tokenizer` is the model's. */
  rows(study: Study<Settings>, chunk: FinishedChunk<Input, Output>, tokenizer: TextTokenizer): readonly ResultRow[];
}

/** Files that an experiment makes, one a chunk. */
export interface ChunkFiles<Output> {
  name(chunk: number): string;
  readonly contentType: string;
  bytes(output: Output): Uint8Array;
}

export interface Kind<Settings = never, Input = never, Output = never> {
  readonly name: string;
  /** Refuses, with the field, what cannot be computed. */
  plan(ask: Ask<Settings>): Plan<Input> | Promise<Plan<Input>>;
  /** Runs that a chunk makes for its longest text: what can never fit is refused before it starts. Absent: none, or small ones. */
  jobs?(study: Study<Settings>, input: Input, model: ServedModel): readonly LabJob[];
  /** Output is plain data, with typed arrays: the same input gives the same bits. */
  compute(study: Study<Settings>, input: Input, lab: Lab): Promise<Output>;
  fold(study: Study<Settings>): Fold<Input, Output>;
  readonly tables?: Readonly<Record<string, ExtraTable<Settings, Input, Output>>>;
  readonly files?: ChunkFiles<Output>;
}

/** A kind whose types are its own affair. */
export type AnyKind = Kind<Readonly<Record<string, unknown>>, unknown, unknown>;

/** Lets kinds of all types stand in one registry: what a kind packs is only ever handed back to it. */
export function asAnyKind<Settings, Input, Output>(kind: Kind<Settings, Input, Output>): AnyKind {
  return kind as unknown as AnyKind;
}
