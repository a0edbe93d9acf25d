/** One file of the hub, brought into the cache: resumed where it was cut off, and never named before its hash is right. */
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { failed, failureOf, type Subject } from "./failure.ts";
import { type FileHash, feed, type Hasher, hasherOf } from "./file-hash.ts";
import { type RetryOptions, retrying } from "./retry.ts";
import { RangeIgnored } from "./transport.ts";

export interface HubFile {
  readonly path: string;
  readonly size: number;
  readonly hash: FileHash;
}

export interface BlobOptions {
  readonly file: HubFile;
  /** Where it goes. Until it is whole and checked it lies beside that, with `.incomplete` at its name's end. */
  readonly path: string;
  readonly subject: Subject;
  readonly retry: Omit<RetryOptions, "progressed">;
  /** The file's bytes from an offset on. */
  readonly read: (offset: number, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** `done` bytes of the file have been received, or checked, so far. */
  readonly seen: (state: "checking" | "downloading", done: number) => void;
}

/** Whether a file's bytes are those that the hash states. false where it is missing or of another size. */
export async function isIntact(
  path: string,
  { size, hash }: Pick<HubFile, "size" | "hash">,
  seen: (done: number) => void = () => {},
  signal?: AbortSignal,
): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile() || found.size !== size) return false;
  const hasher = hasherOf(hash, size);
  let done = 0;
  await feed(
    hasher,
    path,
    size,
    (bytes) => {
      done += bytes;
      seen(done);
    },
    signal,
  );
  return hasher.digest() === hash.hex;
}

/** Brings the file to `path`. Throws the problem, or what `read` threw, when the tries are used up. */
export async function bringBlob(options: BlobOptions): Promise<void> {
  const { file, path, subject, seen, retry } = options;
  if (await isIntact(path, file, (done) => seen("checking", done), retry.signal)) return seen("downloading", file.size);
  await rm(path, { force: true });
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.incomplete`;
  const resumed = ((await stat(partial).catch(() => null))?.size ?? 0) > 0;
  let digest = await receive(partial, options);
  // What was there before may have been wrong; what came in one go is as the hub sends it.
  if (digest !== file.hash.hex && resumed) {
    await rm(partial);
    digest = await receive(partial, options);
  }
  if (digest !== file.hash.hex) {
    await rm(partial);
    throw failed(subject, `its ${file.hash.algorithm} is ${digest}, and the hub states ${file.hash.hex}; it was thrown away`);
  }
  await rename(partial, path);
  await syncFolder(dirname(path));
}

/** Completes a partial file; returns the hash of all of it. */
async function receive(path: string, { file, subject, read, retry, seen }: BlobOptions): Promise<string> {
  const partial = await PartialFile.open(path, file);
  try {
    await partial.check((done) => seen("checking", done), retry.signal);
    seen("downloading", partial.size);
    let before = partial.size;
    const attempt = async (): Promise<void> => {
      before = partial.size;
      const stall = new Stall(retry.signal, retry.policy.stallMs);
      try {
        for await (const chunk of read(partial.size, stall.signal)) {
          stall.moved();
          if (partial.size + chunk.length > file.size)
            throw new TooLong(`more came than the ${file.size} bytes that the hub states`);
          await partial.append(chunk).catch((error: unknown) => {
            throw failureOf(error, subject); // a problem of this machine's, which no other try helps
          });
          seen("downloading", partial.size);
        }
      } catch (error) {
        if (error instanceof RangeIgnored || error instanceof TooLong) await partial.restart();
        throw stall.reached ? new Error(`nothing came for ${retry.policy.stallMs / 1000} s`) : error;
      } finally {
        stall.end();
      }
      if (partial.size < file.size) throw new Error(`the connection ended after ${partial.size} of ${file.size} bytes`);
    };
    if (partial.size < file.size) await retrying(attempt, { ...retry, progressed: () => partial.size > before });
    return await partial.finish();
  } finally {
    await partial.close();
  }
}

/** More bytes than a file has. */
class TooLong extends Error {}

/** A file that grows at its end, and the hash of what it holds. */
class PartialFile {
  size: number;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #file: HubFile;
  #hasher: Hasher;

  private constructor(path: string, handle: FileHandle, size: number, file: HubFile) {
    this.#path = path;
    this.#handle = handle;
    this.size = size;
    this.#file = file;
    this.#hasher = hasherOf(file.hash, file.size);
  }

  static async open(path: string, file: HubFile): Promise<PartialFile> {
    const handle = await open(path, "a");
    const { size } = await handle.stat();
    const partial = new PartialFile(path, handle, size, file);
    if (size > file.size) await partial.restart();
    return partial;
  }

  /** Hashes what an earlier try left. */
  async check(seen: (done: number) => void, signal: AbortSignal): Promise<void> {
    let done = 0;
    const count = (bytes: number) => {
      done += bytes;
      seen(done);
    };
    await feed(this.#hasher, this.#path, this.size, count, signal);
  }

  async append(chunk: Uint8Array): Promise<void> {
    // A disk that fills up takes a part first, and says so the next time.
    for (let written = 0; written < chunk.length; ) {
      const { bytesWritten } = await this.#handle.write(chunk, written);
      this.#hasher.update(chunk.subarray(written, written + bytesWritten));
      written += bytesWritten;
      this.size += bytesWritten;
    }
  }

  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.size = 0;
    this.#hasher = hasherOf(this.#file.hash, this.#file.size);
  }

  /** Puts it onto the disk, whatever happens next; returns its hash. */
  async finish(): Promise<string> {
    await this.#handle.sync();
    return this.#hasher.digest();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** A signal that also aborts when nothing has come for a while. */
class Stall {
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;
  reached = false;
  readonly signal: AbortSignal;

  constructor(outer: AbortSignal, ms: number) {
    this.signal = AbortSignal.any([outer, this.#abort.signal]);
    this.#timer = setTimeout(() => {
      this.reached = true;
      this.#abort.abort();
    }, ms);
  }

  moved(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** A rename is on the disk when its folder is. Not all systems let a folder be opened. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => null);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
