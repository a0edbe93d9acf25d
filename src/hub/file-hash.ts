/** The two hashes by which the hub knows a file: SHA-256 of large ones, git's own of the others. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Problem } from "../problem.ts";

export interface FileHash {
  readonly algorithm: "sha256" | "git-sha1";
  /** Lower case. It is also the name of the blob in the cache. */
  readonly hex: string;
}

export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): string;
}

/** Begins a hash. git's covers a header with the size (bytes), so that has to be known at the start. */
export function hasherOf({ algorithm }: FileHash, size: number): Hasher {
  const hash = createHash(algorithm === "sha256" ? "sha256" : "sha1");
  if (algorithm === "git-sha1") hash.update(`blob ${size}\0`);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") };
}

/** The hash that a blob's name states; null: it states none. */
export function hashOfName(name: string): FileHash | null {
  if (/^[0-9a-f]{64}$/.test(name)) return { algorithm: "sha256", hex: name };
  return /^[0-9a-f]{40}$/.test(name) ? { algorithm: "git-sha1", hex: name } : null;
}

/** Feeds the first `bytes` of a file to a hash; `seen` is told how many at a time. */
export async function feed(
  hasher: Hasher,
  path: string,
  bytes: number,
  seen: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  if (bytes === 0) return;
  for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: 1 << 20 })) {
    if (signal?.aborted) throw new Problem("cancelled", "The check was cancelled.");
    hasher.update(chunk as Uint8Array);
    seen((chunk as Uint8Array).length);
  }
}
