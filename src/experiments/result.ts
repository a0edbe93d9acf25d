/** What an experiment comes to: the numbers of a figure in long form, and all that is needed to repeat them. */
import type { Lengths } from "./lengths.ts";

/** A value of a column. null: it does not apply, or there is none. */
export type Cell = number | string | boolean | null;

/** One row: key columns (layer, operation, …), `statistic`, then its numbers. */
export type ResultRow = Readonly<Record<string, Cell>>;

/** How a column is written where types matter (Parquet). */
export type ColumnType = "string" | "int" | "float" | "boolean";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** For people: what it is, with its unit. */
  readonly description: string;
}

/** A table by columns and rows; each row has exactly these columns. */
export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly ResultRow[];
}

/** What a result was made from. With the same, the same machine gives the same bits again. */
export interface Provenance {
  readonly kind: string;
  readonly model: {
    readonly id: string;
    readonly revision: string;
    readonly family: string;
    readonly n_layers: number;
    readonly d_model: number;
    readonly n_heads: number;
    readonly d_mlp: number;
    readonly vocab_size: number;
  };
  /**
   * `dataset` null: the request's own texts. `texts`: how many were used. `tokens`: of texts that were kept as long as they
   * are. null: the kind takes none.
   */
  readonly data: {
    readonly dataset: string | null;
    readonly sha256: string;
    readonly texts: number;
    readonly tokens?: Lengths;
  } | null;
  readonly tokens_per_text: number | null;
  readonly prepend_bos: boolean | null;
  /** `by`: the paper's convention (BOS where the model has one), or the request. null: there are no texts. */
  readonly bos: { readonly prepended: boolean; readonly by: "convention" | "request" } | null;
  readonly seed: number;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of the service. */
  readonly version: string;
}

export interface ExperimentResult extends Provenance {
  readonly id: string;
  /** Headline numbers, by name with unit. */
  readonly summary: Readonly<Record<string, unknown>>;
  readonly table: Table;
}

/** Columns that every statistic has; `quantiles` only where the kind reports distributions. */
export const MEAN_COLUMNS: readonly Column[] = [
  { name: "statistic", type: "string", description: "what was measured, with its unit" },
  { name: "mean", type: "float", description: "over all observations" },
  { name: "std", type: "float", description: "population standard deviation" },
  { name: "sem", type: "float", description: "standard error of the mean, clustered by text" },
  { name: "count", type: "int", description: "observations" },
];
export const QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95] as const;
export const QUANTILE_COLUMNS: readonly Column[] = QUANTILES.map((q) => ({
  name: `q${String(Math.round(q * 100)).padStart(2, "0")}`,
  type: "float" as const,
  description: `${Math.round(q * 100)} % quantile, within 1 % of its value`,
}));
