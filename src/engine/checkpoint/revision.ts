import { createHash } from "node:crypto";
import { basename } from "node:path";
import { readAt, withFile } from "./files.ts";
import type { StoredTensor } from "./safetensors.ts";
import type { Weights } from "./weights.ts";

/** Bytes of a tensor that are hashed at least: at its start, its middle and its end. */
const SAMPLE_BYTES = 64;

/** Samples this near to each other are one read, what lies between included: a read costs more than its bytes. */
const NEAR_BYTES = 4_096;

/** Hexadecimal digits kept of the SHA-256; as many as a commit has. */
const DIGITS = 40;

/**
 * A hash of the small files, every safetensors header and a sample of every tensor's bytes: cheap, whatever the
 * weights' size. It tells checkpoints apart; it is no proof against one that was forged.
 */
export function revisionOf(small: readonly (Uint8Array | null)[], { files }: Weights, problems: string[]): string {
  const hash = createHash("sha256");
  const add = (bytes: Uint8Array): void => void hash.update(`${bytes.length}:`).update(bytes);
  for (const bytes of small) add(bytes ?? new Uint8Array());
  for (const { file, header, tensors } of files) {
    add(header);
    const stored = [...tensors.values()].filter((tensor) => tensor !== null);
    withFile(file, basename(file), problems, (fd) => {
      for (const [begin, end] of samplesOf(stored)) {
        const sample = new Uint8Array(end - begin);
        add(sample.subarray(0, readAt(fd, sample, begin)));
      }
    });
  }
  return hash.digest("hex").slice(0, DIGITS);
}

/** The spans of a file to hash, [begin, end), ascending and apart. At most `SAMPLE_BYTES` + `NEAR_BYTES` a sample. */
function samplesOf(tensors: readonly StoredTensor[]): [number, number][] {
  const spans: [number, number][] = [];
  for (const { offset, length } of [...tensors].sort((a, b) => a.offset - b.offset)) {
    const size = Math.min(SAMPLE_BYTES, length);
    for (const begin of [offset, offset + Math.floor((length - size) / 2), offset + length - size]) {
      const last = spans.at(-1);
      if (last && begin - last[1] <= NEAR_BYTES) last[1] = Math.max(last[1], begin + size);
      else spans.push([begin, begin + size]);
    }
  }
  return spans;
}
