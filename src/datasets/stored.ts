/** Data sets as they lie somewhere: what is known of one before it is read. */

/** `jsonl`: one JSON object a line. `text`: plain text, parted by rules or blank lines (`rows.ts`). */
export type DatasetFormat = "jsonl" | "text";

/** `shipped`: in the folder that comes with the service; `folder`: in another DATASETS_DIR. */
export type DatasetOrigin = "shipped" | "folder" | "uploaded";

/** How many rows there are, and how many of them have a text. */
export interface DatasetCounts {
  readonly rows: number;
  readonly texts: number;
}

export interface StoredDataset {
  readonly name: string;
  readonly source: DatasetOrigin;
  readonly format: DatasetFormat;
  readonly bytes: number;
  /** Of its bytes, hexadecimal; null: nobody has looked yet. */
  readonly sha256: string | null;
  /** Where they were counted when it was stored. */
  readonly counts: DatasetCounts | null;
  /** When it was uploaded, or its file last changed. */
  readonly createdAt: Date;
  /** Another one when the content is another. */
  readonly stamp: string;
  /** Its bytes, in order. Throws when it is not there any more. */
  content(): AsyncIterable<Uint8Array>;
}

/** Nothing else ever becomes a file's name. */
export const DATASET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** Of one data set: it is held in memory while it is used. */
export const MAX_DATASET_BYTES = 256 * 2 ** 20;
