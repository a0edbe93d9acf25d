/** Receives an upload into a temporary file of bounded size: what does not come whole leaves nothing behind. */
import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Problem } from "../problem.ts";
import { contentOf, encodeHeader, HEADER_BYTES } from "./upload-file.ts";
import type { UploadHeader } from "./uploaded.ts";

/** What a client sends. */
export interface UploadBody {
  readonly content: AsyncIterable<Uint8Array>;
  /** What the client says there is; null: it does not say. */
  readonly declaredBytes: number | null;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** A file that came whole. */
export interface StagedUpload {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  content(): AsyncIterable<Uint8Array>;
  moveTo(path: string, header: UploadHeader): Promise<void>;
  /** Removes what was not moved. */
  discard(): Promise<void>;
}

const SUFFIX = ".tmp";
/** A file that nobody has written to for so long is of a process that is no more. */
const STALE_MS = 3_600_000;

/** Throws `body_too_large` with both numbers, or `cancelled` when the client breaks off. */
export async function receiveUpload(folder: string, body: UploadBody, maxBytes: number): Promise<StagedUpload> {
  if (body.declaredBytes !== null && body.declaredBytes > maxBytes) throw tooLarge(body.declaredBytes, maxBytes);
  const path = join(folder, `${randomUUID()}${SUFFIX}`);
  const discard = () => rm(path, { force: true }).catch(() => {}); // `sweep` finds it later
  try {
    const file = await prepare(folder, path);
    try {
      const { bytes, sha256 } = await receive(file, body, maxBytes);
      return { bytes, sha256, content: () => contentOf(path), moveTo: (to, header) => move(path, to, header), discard };
    } finally {
      await file.close();
    }
  } catch (error) {
    await discard();
    throw error;
  }
}

async function prepare(folder: string, path: string): Promise<FileHandle> {
  try {
    await mkdir(folder, { recursive: true });
    await sweep(folder);
    return await open(path, "wx");
  } catch (error) {
    throw unwritable(error);
  }
}

async function receive(
  file: FileHandle,
  { content, declaredBytes, signal }: UploadBody,
  maxBytes: number,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  const pieces = content[Symbol.asyncIterator]();
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await pieces.next().catch(() => {
        throw brokenOff(bytes);
      });
      if (done) break;
      if (bytes + value.length > maxBytes) throw tooLarge(bytes + value.length, maxBytes, "at least ");
      hash.update(value);
      await write(file, value, HEADER_BYTES + bytes);
      bytes += value.length;
    }
  } finally {
    await pieces.return?.().catch(() => {});
  }
  if (signal.aborted || (declaredBytes !== null && bytes < declaredBytes)) throw brokenOff(bytes);
  return { bytes, sha256: hash.digest("hex") };
}

/** A disk that fills up takes a part first, and says so the next time. */
async function write(file: FileHandle, piece: Uint8Array, position: number): Promise<void> {
  try {
    for (let written = 0; written < piece.length; )
      written += (await file.write(piece, written, piece.length - written, position + written)).bytesWritten;
  } catch (error) {
    throw unwritable(error);
  }
}

/** Under the other name the file is there whole or not at all, whatever happens to the machine. */
async function move(from: string, to: string, header: UploadHeader): Promise<void> {
  try {
    const file = await open(from, "r+");
    try {
      await write(file, encodeHeader(header), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(from, to);
    const folder = await open(dirname(to), "r");
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    throw unwritable(error);
  }
}

/** Removes what a process left that was killed in the middle. */
async function sweep(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter((name) => name.endsWith(SUFFIX))) {
    const path = join(folder, name);
    const info = await stat(path).catch(() => null);
    if (info && Date.now() - info.mtimeMs > STALE_MS) await rm(path, { force: true });
  }
}

function tooLarge(bytes: number, maxBytes: number, about = ""): Problem {
  return new Problem("body_too_large", `The data set has ${about}${bytes} bytes; MAX_DATASET_BYTES allows ${maxBytes}.`);
}

function brokenOff(bytes: number): Problem {
  return new Problem("cancelled", `The upload was broken off after ${bytes} bytes; nothing of it was kept.`);
}

function unwritable(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException)?.code;
  if (error instanceof Problem || code === undefined) return error;
  return new Problem("internal", `The upload could not be written to DATA_DIR (${code}); nothing of it was kept.`);
}
