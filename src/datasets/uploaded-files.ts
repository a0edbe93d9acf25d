/** Uploaded data sets as files of a folder: NAME.dataset each, there whole or not at all. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DATASET_NAME, type StoredDataset } from "./stored.ts";
import { contentOf, readHeader } from "./upload-file.ts";
import type { UploadedDatasets } from "./uploaded.ts";

const SUFFIX = ".dataset";

/** The folder need not exist. Changes must come one at a time, from one process. */
export function uploadedFiles(folder: string): UploadedDatasets {
  const pathOf = (name: string) => join(folder, `${name}${SUFFIX}`);
  const find = async (name: string): Promise<StoredDataset | null> => {
    const header = DATASET_NAME.test(name) ? await readHeader(pathOf(name)) : null;
    if (!header) return null;
    const { format, bytes, sha256, rows, texts, created_at } = header;
    return {
      ...{ name, source: "uploaded", format, bytes, sha256, counts: { rows, texts }, createdAt: new Date(created_at) },
      stamp: `${format}:${sha256}`,
      content: () => contentOf(pathOf(name)),
    };
  };
  return {
    find,
    async list() {
      const files = await readdir(folder).catch(() => [] as string[]);
      const names = files.filter((file) => file.endsWith(SUFFIX)).map((file) => file.slice(0, -SUFFIX.length));
      return (await Promise.all(names.sort().map(find))).filter((dataset) => dataset !== null);
    },
    async put(name, upload) {
      const { format, bytes, sha256, counts } = upload;
      const there = await find(name);
      if (there?.sha256 === sha256 && there.format === format) return "unchanged";
      await upload.moveTo(pathOf(name), {
        ...{ dataset: 1, format, bytes, sha256, ...counts, created_at: new Date().toISOString() },
      });
      return there ? "replaced" : "created";
    },
    async remove(name) {
      if (!(await find(name))) return false;
      await rm(pathOf(name), { force: true });
      return true;
    },
  };
}
