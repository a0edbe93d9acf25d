/** A table as Parquet: typed columns that pandas, polars and DuckDB open as they are. */
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { Column, Provenance, ResultRow, Table } from "../result.ts";
import { appendRows, notesOf, type StoredCell, schemaOf, sourcesOf } from "./parquet-columns.ts";

/** Rows of a row group: what is held at once while a table is streamed, and the least that a reader must read. */
export const ROW_GROUP_ROWS = 50_000;

/**
 * The whole file. Key-value metadata: `stratascope.provenance` and `stratascope.columns` (name → description), both JSON.
 * What is not finite is null. Throws TypeError where a value does not fit its column.
 */
export function parquetOf(table: Table, about: Provenance): Uint8Array<ArrayBuffer> {
  const { writer, parquet } = open(table.columns, about);
  const data = empty(table.columns);
  appendRows(data, table.columns, table.rows);
  write(parquet, table.columns, data, ROW_GROUP_ROWS);
  parquet.finish();
  return taken(writer);
}

/**
 * The same file for tables of any length, piece by piece: rows are pulled, gathered into row groups of `groupRows`, and each
 * group's bytes are handed on before more rows are pulled. Holds one group and a few hundred bytes for each one written.
 */
export async function* parquetStream(
  columns: readonly Column[],
  batches: AsyncIterable<readonly ResultRow[]>,
  about: Provenance,
  groupRows: number = ROW_GROUP_ROWS,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { writer, parquet } = open(columns, about);
  let data = empty(columns);
  let held = 0;
  for await (const batch of batches) {
    for (let start = 0; start < batch.length; ) {
      const rows = batch.slice(start, start + groupRows - held);
      appendRows(data, columns, rows);
      start += rows.length;
      held += rows.length;
      if (held < groupRows) continue;
      write(parquet, columns, data, groupRows);
      yield taken(writer);
      data = empty(columns);
      held = 0;
    }
  }
  if (held > 0) write(parquet, columns, data, groupRows);
  parquet.finish();
  yield taken(writer);
}

function open(columns: readonly Column[], about: Provenance): { writer: ByteWriter; parquet: ParquetWriter } {
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({
    writer,
    schema: schemaOf(columns),
    kvMetadata: notesOf(columns, about),
    createdBy: `stratascope version ${about.version}`,
  });
  return { writer, parquet };
}

function empty(columns: readonly Column[]): StoredCell[][] {
  return columns.map(() => []);
}

/** The writer's buffer is its sink, so nothing here waits. */
function write(parquet: ParquetWriter, columns: readonly Column[], data: readonly StoredCell[][], rowGroupSize: number): void {
  parquet.write({ columnData: sourcesOf(columns, data), rowGroupSize });
}

/** What has been written since the last time; the writer's buffer is used again, its count of all bytes goes on. */
function taken(writer: ByteWriter): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(writer.getBuffer());
  writer.index = 0;
  return bytes;
}
