/** Where uploaded data sets are kept: files of this machine, or rows of a database that replicas share. */
import type { DatasetCounts, DatasetFormat, StoredDataset } from "./stored.ts";

/** An upload that has come whole and was checked. */
export interface CheckedUpload {
  readonly format: DatasetFormat;
  readonly bytes: number;
  readonly sha256: string;
  readonly counts: DatasetCounts;
  content(): AsyncIterable<Uint8Array>;
  /** Takes the file as it is, instead of copying its content: describes it, brings it onto the disk and gives it this name. */
  moveTo(path: string, header: UploadHeader): Promise<void>;
}

/** What is known of an uploaded data set beside its content. */
export interface UploadHeader extends DatasetCounts {
  readonly dataset: 1;
  readonly format: DatasetFormat;
  readonly bytes: number;
  readonly sha256: string;
  readonly created_at: string;
}

/** What an upload did: `unchanged`, when the same content in the same format was there already. */
export type UploadChange = "created" | "replaced" | "unchanged";

export interface UploadedDatasets {
  /** In the order of their names. */
  list(): Promise<readonly StoredDataset[]>;
  /** null: there is none of this name. */
  find(name: string): Promise<StoredDataset | null>;
  /** Keeps it whole, or changes nothing. */
  put(name: string, upload: CheckedUpload): Promise<UploadChange>;
  /** false: there was none. */
  remove(name: string): Promise<boolean>;
}
