/** The data sets of DATASETS_DIR: files NAME.jsonl and NAME.txt, which the service reads and never writes. */
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DATASET_NAME, type DatasetFormat, type DatasetOrigin, type StoredDataset } from "./stored.ts";

export interface DatasetFolder {
  /** In the order of their names. */
  list(): Promise<readonly StoredDataset[]>;
  /** null: there is none of this name. */
  find(name: string): Promise<StoredDataset | null>;
}

/** Of two files of one name the first is the data set. */
const SUFFIXES: readonly (readonly [suffix: string, format: DatasetFormat])[] = [
  [".jsonl", "jsonl"],
  [".txt", "text"],
];
const SHIPPED = fileURLToPath(new URL("../../datasets", import.meta.url));
const PIECE_BYTES = 2 ** 20;

/** A folder that need not exist; its files are looked at anew every time. */
export function datasetFolder(folder: string): DatasetFolder {
  const find = async (name: string): Promise<StoredDataset | null> => {
    if (!DATASET_NAME.test(name)) return null;
    for (const [suffix, format] of SUFFIXES) {
      const path = join(folder, `${name}${suffix}`);
      const info = await stat(path).catch(() => null);
      if (!info?.isFile()) continue;
      return {
        ...{ name, format, source: await originOf(folder), bytes: info.size, sha256: null, counts: null, createdAt: info.mtime },
        stamp: `${info.mtimeMs}:${info.size}:${info.ino}`,
        content: () => createReadStream(path, { highWaterMark: PIECE_BYTES }),
      };
    }
    return null;
  };
  return {
    find,
    async list() {
      const files = await readdir(folder).catch(() => [] as string[]);
      const names = new Set(files.flatMap((file) => nameOf(file) ?? []));
      const found = await Promise.all([...names].sort().map(find));
      return found.filter((dataset) => dataset !== null);
    },
  };
}

function nameOf(file: string): string | null {
  const suffix = SUFFIXES.find(([suffix]) => file.endsWith(suffix))?.[0];
  const name = suffix === undefined ? null : file.slice(0, -suffix.length);
  return name !== null && DATASET_NAME.test(name) ? name : null;
}

async function originOf(folder: string): Promise<DatasetOrigin> {
  const [own, given] = await Promise.all([SHIPPED, folder].map((path) => realpath(path).catch(() => null)));
  return own !== null && own === given ? "shipped" : "folder";
}
