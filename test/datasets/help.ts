/** Data sets out of texts, files and folders, for tests. */
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Dataset, readDataset } from "../../src/datasets/dataset.ts";
import { Datasets } from "../../src/datasets/datasets.ts";
import { datasetFolder } from "../../src/datasets/folder.ts";
import type { UploadBody } from "../../src/datasets/staging.ts";
import type { DatasetFormat } from "../../src/datasets/stored.ts";
import type { UploadedDatasets } from "../../src/datasets/uploaded.ts";
import { uploadedFiles } from "../../src/datasets/uploaded-files.ts";

export type Content = string | Uint8Array;

/** A data set named `x`, read in pieces of some bytes. */
export function read(format: DatasetFormat, content: Content, pieceBytes = 7): Promise<Dataset> {
  const bytes = Buffer.from(content as string);
  return readDataset({ name: "x", format, bytes: bytes.length, sha256: null, content: () => pieces(bytes, pieceBytes) });
}

export async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A client that sends all of it. */
export function body(content: Content): UploadBody {
  const bytes = Buffer.from(content as string);
  return { content: pieces(bytes, 1000), declaredBytes: null, signal: new AbortController().signal };
}

export interface TestDatasets {
  readonly datasets: Datasets;
  /** DATASETS_DIR. */
  readonly folder: string;
  /** Where uploads are. */
  readonly uploads: string;
  write(file: string, content: Content): void;
  /** Names of the files that uploads have left. */
  left(): string[];
}

/** Folders of their own, with uploads as files where nothing else is said. */
export function testDatasets(uploaded?: UploadedDatasets, maxUploadBytes = 100_000): TestDatasets {
  const folder = mkdtempSync(join(tmpdir(), "stratascope-datasets-"));
  const uploads = mkdtempSync(join(tmpdir(), "stratascope-uploads-"));
  const datasets = new Datasets({
    ...{ folder: datasetFolder(folder), uploaded: uploaded ?? uploadedFiles(uploads), stagingDir: uploads, maxUploadBytes },
  });
  return {
    ...{ datasets, folder, uploads, left: () => readdirSync(uploads).sort() },
    write: (file, content) => writeFileSync(join(folder, file), content),
  };
}
