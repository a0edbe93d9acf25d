import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parquetOf, parquetStream } from "../../../src/experiments/formats/parquet.ts";
import type { Cell, ResultRow, Table } from "../../../src/experiments/result.ts";
import { ABOUT, AWKWARD } from "./tables.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parquet-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** What DuckDB answers to SQL over the file, which the query calls FILE. */
async function ask(bytes: Uint8Array, sql: string): Promise<Record<string, unknown>[]> {
  const path = join(folder, `${crypto.randomUUID()}.parquet`);
  await writeFile(path, bytes);
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(sql.replaceAll("FILE", `'${path}'`));
    return reader.getRowObjects();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** A table's cells as Parquet must give them: whole columns of 64 bits, nothing that is not finite. */
function stored({ columns, rows }: Table): Record<string, unknown>[] {
  const cell = (value: Cell | undefined, type: string) => {
    if (value === undefined || value === null || (typeof value === "number" && !Number.isFinite(value))) return null;
    return type === "int" ? BigInt(value as number) : value;
  };
  return rows.map((row) => Object.fromEntries(columns.map(({ name, type }) => [name, cell(row[name], type)])));
}

/** hyparquet reads from an ArrayBuffer of exactly the file. */
const file = (bytes: Uint8Array<ArrayBuffer>): ArrayBuffer =>
  bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);

/** Rows of a table of one row a token. */
const token = (i: number): ResultRow => ({
  text: i >> 7,
  token: ` w${i % 997}`,
  kl_nats: i % 10 === 0 ? null : Math.sin(i),
  kept: i % 3 === 0,
});
const TOKENS = [
  { name: "text", type: "int", description: "" },
  { name: "token", type: "string", description: "" },
  { name: "kl_nats", type: "float", description: "" },
  { name: "kept", type: "boolean", description: "" },
] as const;

async function* batches(count: number, size: number): AsyncGenerator<ResultRow[]> {
  for (let start = 0; start < count; start += size) {
    yield Array.from({ length: Math.min(size, count - start) }, (_, i) => token(start + i));
  }
}

async function gathered(pieces: AsyncIterable<Uint8Array>): Promise<{ sizes: number[]; bytes: Uint8Array<ArrayBuffer> }> {
  const sizes: number[] = [];
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) {
    sizes.push(piece.length);
    parts.push(piece);
  }
  return { sizes, bytes: new Uint8Array(Buffer.concat(parts)) };
}

describe("A table as Parquet", () => {
  it("Has the types that a data frame expects, in the columns' order", async () => {
    const columns = await ask(parquetOf(AWKWARD, ABOUT), "DESCRIBE SELECT * FROM FILE");
    expect(columns.map((column) => [column.column_name, column.column_type])).toEqual([
      ["variant", "VARCHAR"],
      ["layer", "BIGINT"],
      ["gated", "BOOLEAN"],
      ["statistic", "VARCHAR"],
      ["mean", "DOUBLE"],
      ["std", "DOUBLE"],
      ["sem", "DOUBLE"],
      ["count", "BIGINT"],
      ...["q05", "q25", "q50", "q75", "q95"].map((name) => [name, "DOUBLE"]),
    ]);
  });

  it("Gives DuckDB every value to the bit", async () => {
    expect(await ask(parquetOf(AWKWARD, ABOUT), "SELECT * FROM FILE")).toEqual(stored(AWKWARD));
  });

  it("Lets DuckDB find rows by a text in another script and by a long count", async () => {
    const bytes = parquetOf(AWKWARD, ABOUT);
    expect(await ask(bytes, `SELECT layer FROM FILE WHERE variant = 'Straße, "日本語" 🙂'`)).toEqual([{ layer: 0n }]);
    expect(await ask(bytes, "SELECT layer FROM FILE WHERE count = 9007199254740991")).toEqual([{ layer: -1n }]);
    expect(await ask(bytes, "SELECT count(*) AS n FROM FILE WHERE mean IS NULL")).toEqual([{ n: 2n }]);
  });

  it("Gives hyparquet the same values", async () => {
    expect(await parquetReadObjects({ file: file(parquetOf(AWKWARD, ABOUT)) })).toEqual(stored(AWKWARD));
  });

  it("Carries what the numbers were made from and what the columns mean", () => {
    const metadata = parquetMetadata(file(parquetOf(AWKWARD, ABOUT)));
    const notes = Object.fromEntries((metadata.key_value_metadata ?? []).map(({ key, value }) => [key, JSON.parse(value ?? "")]));
    expect(notes["stratascope.provenance"]).toEqual(ABOUT);
    expect(notes["stratascope.columns"].sem).toBe("standard error of the mean, clustered by text");
    expect(metadata.created_by).toBe("stratascope version 0.1.0");
  });

  it("May have no rows", async () => {
    const bytes = parquetOf({ columns: AWKWARD.columns, rows: [] }, ABOUT);
    expect(await ask(bytes, "SELECT count(*) AS n, max(mean) AS most FROM FILE")).toEqual([{ n: 0n, most: null }]);
    expect(await parquetReadObjects({ file: file(bytes) })).toEqual([]);
  });

  it("Refuses a value that its column cannot hold", () => {
    const table = (type: "int" | "string" | "boolean", value: Cell): Table => ({
      columns: [{ name: "layer", type, description: "" }],
      rows: [{ layer: value }],
    });
    expect(() => parquetOf(table("int", 1.5), ABOUT)).toThrow("column layer is of type int; it cannot hold 1.5");
    expect(() => parquetOf(table("int", 2 ** 53), ABOUT)).toThrow("column layer is of type int; it cannot hold 9007199254740992");
    expect(() => parquetOf(table("string", 3), ABOUT)).toThrow("column layer is of type string; it cannot hold 3");
    expect(() => parquetOf(table("boolean", "yes"), ABOUT)).toThrow('column layer is of type boolean; it cannot hold "yes"');
  });
});

describe("A long table, streamed as Parquet", () => {
  it("Has the rows of the table at once, whatever the batches", async () => {
    const whole: Table = { columns: TOKENS, rows: Array.from({ length: 2500 }, (_, i) => token(i)) };
    for (const size of [1, 7, 1000, 2500, 4000]) {
      const { bytes } = await gathered(parquetStream(TOKENS, batches(2500, size), ABOUT, 1000));
      expect(await parquetReadObjects({ file: file(bytes) })).toEqual(stored(whole));
      const groups = parquetMetadata(file(bytes)).row_groups.map(({ num_rows }) => num_rows);
      expect(groups).toEqual([1000n, 1000n, 500n]);
    }
  });

  it("Is read by DuckDB across its row groups", async () => {
    const { bytes } = await gathered(parquetStream(TOKENS, batches(25_000, 128), ABOUT, 4096));
    const [row] = await ask(
      bytes,
      "SELECT count(*) AS n, count(kl_nats) AS some, sum(text)::BIGINT AS texts, count(DISTINCT token) AS words, count_if(kept) AS kept FROM FILE",
    );
    const rows = Array.from({ length: 25_000 }, (_, i) => token(i));
    expect(row).toEqual({
      n: 25_000n,
      some: 22_500n,
      texts: BigInt(rows.reduce((sum, { text }) => sum + (text as number), 0)),
      words: 997n,
      kept: 8334n,
    });
  });

  it("Hands a row group on before it asks for more rows than the next one needs", async () => {
    let pulled = 0;
    async function* counted(): AsyncGenerator<ResultRow[]> {
      for await (const batch of batches(5000, 100)) {
        pulled += batch.length;
        yield batch;
      }
    }
    const seen: number[] = [];
    for await (const piece of parquetStream(TOKENS, counted(), ABOUT, 1000)) if (piece.length > 0) seen.push(pulled);
    expect(seen).toEqual([1000, 2000, 3000, 4000, 5000, 5000]); // and the footer
  });

  it("Of no rows is a file with its columns", async () => {
    const { bytes } = await gathered(parquetStream(TOKENS, batches(0, 1), ABOUT));
    expect(await ask(bytes, "SELECT count(*) AS n FROM FILE")).toEqual([{ n: 0n }]);
    expect(await ask(bytes, "DESCRIBE SELECT * FROM FILE")).toHaveLength(4);
  });

  it("Fails with its source, and stops it when the reader goes away", async () => {
    async function* broken(): AsyncGenerator<ResultRow[]> {
      yield [token(0)];
      throw new Error("the disk is full");
    }
    await expect(gathered(parquetStream(TOKENS, broken(), ABOUT))).rejects.toThrow("the disk is full");
    let stopped = false;
    async function* endless(): AsyncGenerator<ResultRow[]> {
      try {
        for (;;) yield [token(0)];
      } finally {
        stopped = true;
      }
    }
    for await (const piece of parquetStream(TOKENS, endless(), ABOUT, 10)) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(stopped).toBe(true);
  });
});
