/** What came of the experiments, as the report reads it. */
import type { ExperimentResult } from "../../experiments/result.ts";
import type { ExperimentResult as WireResult } from "../../schemas/experiments/experiment.ts";

export type Outcome =
  /** `refused`: why ways to ask that would have been better were refused, before this one. */
  | { readonly state: "completed"; readonly result: ExperimentResult; readonly refused: readonly string[] }
  /** It cannot be had of this model and these texts: the service's reason. */
  | { readonly state: "refused"; readonly reason: string }
  /** It was begun, and ended otherwise. */
  | { readonly state: "failed"; readonly reason: string };

/** A model of the report. */
export interface PaperModel {
  readonly id: string;
  readonly family: string;
  readonly revision: string;
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  readonly dMlp: number;
  readonly vocabSize: number;
  readonly contextLength: number;
  /** Where it ran, and how its weights were held. null: not known. */
  readonly device: string | null;
  readonly precision: string | null;
  readonly half: "kept" | "folded" | null;
}

export interface ModelOutcomes {
  readonly model: PaperModel;
  /** By the experiment's id in the catalogue; what was not asked for is absent. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

/** The result of an experiment; null where there is none. */
export function resultOf({ outcomes }: ModelOutcomes, id: string): ExperimentResult | null {
  const outcome = outcomes.get(id);
  return outcome?.state === "completed" ? outcome.result : null;
}

/** A result as it comes over the wire → as figures and tables take it. */
export function fromWire({ columns, rows, ...rest }: WireResult): ExperimentResult {
  return { ...rest, table: { columns, rows } };
}

/** Where the table of an experiment lies, from the report's folder. */
export function tablePath(model: string, experiment: string): string {
  return `tables/${folderOf(model)}/${experiment}.csv`;
}

/** A model's name as a folder's. */
export function folderOf(id: string): string {
  return id.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^\.+/, "-");
}
