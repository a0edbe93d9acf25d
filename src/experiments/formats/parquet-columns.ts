/** The columns of a table as Parquet stores them. */
import type { ColumnSource, KeyValue, SchemaElement } from "hyparquet-writer";
import type { Cell, Column, ColumnType, Provenance, ResultRow } from "../result.ts";

/** One value as it is written: whole numbers are 64 bits wide. null: none. */
export type StoredCell = string | number | bigint | boolean | null;

const STORED: Readonly<Record<ColumnType, Pick<SchemaElement, "type" | "converted_type">>> = {
  string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  int: { type: "INT64" },
  float: { type: "DOUBLE" },
  boolean: { type: "BOOLEAN" },
};

/** Every column may have nulls. A data frame sees them as string, int64, float64 and bool. */
export function schemaOf(columns: readonly Column[]): SchemaElement[] {
  return [
    { name: "table", num_children: columns.length },
    ...columns.map(({ name, type }) => ({ name, repetition_type: "OPTIONAL" as const, ...STORED[type] })),
  ];
}

/** What a writer takes for one row group. `data[column][row]`. Doubles are never put in a dictionary, which would lose −0. */
export function sourcesOf(columns: readonly Column[], data: readonly StoredCell[][]): ColumnSource[] {
  return columns.map(({ name, type }, i) => ({
    name,
    data: data[i] as StoredCell[],
    ...(type === "float" ? { encoding: "PLAIN" as const } : {}),
  }));
}

/** Appends rows to `data`, an array for each column. Throws where a value does not fit its column: a fault of the experiment. */
export function appendRows(data: readonly StoredCell[][], columns: readonly Column[], rows: readonly ResultRow[]): void {
  for (const row of rows) {
    for (const [i, column] of columns.entries()) data[i]?.push(stored(row[column.name] ?? null, column));
  }
}

/** The file's own notes: what each column is, and what the numbers were made from. Both are JSON. */
export function notesOf(columns: readonly Column[], about: Provenance): KeyValue[] {
  const { kind, model, data, tokens_per_text, prepend_bos, bos, seed, settings, version } = about;
  const provenance = { kind, model, data, tokens_per_text, prepend_bos, bos, seed, settings, version };
  return [
    { key: "stratascope.provenance", value: JSON.stringify(provenance) },
    {
      key: "stratascope.columns",
      value: JSON.stringify(Object.fromEntries(columns.map(({ name, description }) => [name, description]))),
    },
  ];
}

function stored(value: Cell, { name, type }: Column): StoredCell {
  if (value === null || (typeof value === "number" && !Number.isFinite(value))) return null;
  if (type === "string" && typeof value === "string") return value;
  if (type === "boolean" && typeof value === "boolean") return value;
  if (type === "float" && typeof value === "number") return value;
  if (type === "int" && Number.isSafeInteger(value)) return BigInt(value);
  throw new TypeError(`column ${name} is of type ${type}; it cannot hold ${JSON.stringify(value)}`);
}
