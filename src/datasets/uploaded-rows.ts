/** Uploaded data sets as rows of a database that replicas share: what one receives, all can use. */
import type { Database, Queryable } from "../store/database.ts";
import { ContentChanged } from "./dataset.ts";
import { DATASET_NAME, type DatasetFormat, type StoredDataset } from "./stored.ts";
import type { CheckedUpload, UploadChange, UploadedDatasets } from "./uploaded.ts";

/** Content that goes to or comes from the database at a time: drivers hold several copies of it. */
const PART_BYTES = 4 * 2 ** 20;
const TABLE = "stratascope.datasets";
const COLUMNS = "name, format, bytes, sha256, created_at";

interface Row {
  readonly name: string;
  readonly format: DatasetFormat;
  /** bigint comes as text. */
  readonly bytes: number | string;
  readonly sha256: string;
  readonly created_at: Date;
}

/** `database` opens it at first need. What cannot be asked of it throws `DatabaseUnavailable`. */
export function uploadedRows(database: () => Promise<Database>): UploadedDatasets {
  const storedOf = ({ name, format, bytes, sha256, created_at }: Row): StoredDataset => ({
    ...{ name, source: "uploaded", format, bytes: Number(bytes), sha256, counts: null, createdAt: created_at },
    stamp: `${format}:${sha256}`,
    content: () => contentOf(database, name, sha256, Number(bytes)),
  });
  const find = async (name: string): Promise<StoredDataset | null> => {
    if (!DATASET_NAME.test(name)) return null;
    const [row] = await (await database()).query<Row>(`SELECT ${COLUMNS} FROM ${TABLE} WHERE name = $1`, [name]);
    return row ? storedOf(row) : null;
  };
  return {
    find,
    async list() {
      const rows = await (await database()).query<Row>(`SELECT ${COLUMNS} FROM ${TABLE} ORDER BY name COLLATE "C"`);
      return rows.map(storedOf);
    },
    async put(name, upload) {
      const there = await find(name);
      if (there?.sha256 === upload.sha256 && there.format === upload.format) return "unchanged";
      return (await database()).transaction((tx) => insert(tx, name, upload));
    },
    async remove(name) {
      if (!DATASET_NAME.test(name)) return false;
      const rows = await (await database()).query(`DELETE FROM ${TABLE} WHERE name = $1 RETURNING name`, [name]);
      return rows.length > 0;
    },
  };
}

/** Sends the content in parts, which become one value within the database. */
async function insert(tx: Queryable, name: string, upload: CheckedUpload): Promise<UploadChange> {
  await tx.query("CREATE TEMPORARY TABLE dataset_upload (part integer, content bytea) ON COMMIT DROP");
  let part = 0;
  for await (const content of inParts(upload.content()))
    await tx.query("INSERT INTO dataset_upload VALUES ($1, $2)", [part++, content]);
  const [row] = await tx.query<{ created: boolean }>(
    `INSERT INTO ${TABLE} (name, format, bytes, sha256, created_at, content)
     SELECT $1::text, $2::text, $3::bigint, $4::text, now(), string_agg(content, ''::bytea ORDER BY part) FROM dataset_upload
     ON CONFLICT (name) DO UPDATE SET format = excluded.format, bytes = excluded.bytes, sha256 = excluded.sha256,
       created_at = excluded.created_at, content = excluded.content
     RETURNING xmax = 0 AS created`,
    [name, upload.format, upload.bytes, upload.sha256],
  );
  return row?.created ? "created" : "replaced";
}

async function* contentOf(
  database: () => Promise<Queryable>,
  name: string,
  sha256: string,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  const db = await database();
  for (let at = 0; at < bytes; at += PART_BYTES) {
    const [row] = await db.query<{ part: Uint8Array }>(
      `SELECT substring(content FROM $1 FOR $2) AS part FROM ${TABLE} WHERE name = $3 AND sha256 = $4`,
      [at + 1, PART_BYTES, name, sha256],
    );
    if (!row) throw new ContentChanged("it was replaced or removed");
    yield row.part;
  }
}

/** Pieces of any size, gathered. */
async function* inParts(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    gathered.push(piece);
    bytes += piece.length;
    if (bytes < PART_BYTES) continue;
    yield Buffer.concat(gathered);
    gathered = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(gathered);
}
