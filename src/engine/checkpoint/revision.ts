/** What identifies a checkpoint's content, without reading all of it: mapping stays instant. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import type { TensorRef } from "../model-spec.ts";

const SAMPLE_BYTES = 64;

/** Forty hex digits of SHA-256 over the small files and the first, middle and last bytes of every tensor. */
export function revisionOf(files: readonly Uint8Array[], tensors: readonly TensorRef[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(String(file.length)).update(file);
  const open = new Map<string, number>();
  const sample = new Uint8Array(SAMPLE_BYTES);
  try {
    for (const { name, file, offset, length } of [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      let descriptor = open.get(file);
      if (descriptor === undefined) {
        descriptor = openSync(file, "r");
        open.set(file, descriptor);
      }
      hash.update(name);
      const take = Math.min(SAMPLE_BYTES, length);
      for (const at of [0, (length - take) >> 1, length - take]) {
        readSync(descriptor, sample, 0, take, offset + at);
        hash.update(sample.subarray(0, take));
      }
    }
  } finally {
    for (const descriptor of open.values()) closeSync(descriptor);
  }
  return hash.digest("hex").slice(0, 40);
}
