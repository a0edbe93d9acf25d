/** Downloads a model into the hub's cache: what is there already is checked, what is missing is fetched. */
import { mkdir, readFile, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { type HubName, repoFolder } from "../engine/checkpoint/hub-cache.ts";
import { INDEX_FILE } from "../engine/checkpoint/weights.ts";
import { withLock } from "../lock.ts";
import { Problem } from "../problem.ts";
import { bringBlob, type HubFile } from "./blob.ts";
import { checkConfig } from "./check-config.ts";
import { failed, failureOf, nameOf } from "./failure.ts";
import type { ProgressKeeper } from "./progress.ts";
import { firstFiles, type HubRequest, type Repository, readRepository, shardsOf } from "./repository.ts";
import { RETRY, type RetryOptions, type RetryPolicy, retrying } from "./retry.ts";
import { publish } from "./snapshot.ts";
import { readToken } from "./token.ts";
import { hubFetch } from "./transport.ts";
import { remember } from "./verify.ts";

const CONFIG = "config.json";

export interface HubOptions {
  readonly cacheDir: string;
  /** null: the hub itself. */
  readonly endpoint: string | null;
  readonly token: string | null;
  readonly tokenFile: string;
  readonly maxDownloadBytes: number;
  readonly retry?: RetryPolicy;
}

/** The folder with the model's files, once all are there and checked. Throws the `Problem` that kept it from being so. */
export async function pullModel(
  name: HubName,
  options: HubOptions,
  progress: ProgressKeeper,
  signal: AbortSignal,
): Promise<string> {
  const token = options.token ?? (await readToken(options.tokenFile));
  try {
    const lock = join(options.cacheDir, ".locks", `models--${name.repo.replaceAll("/", "--")}`, "stratascope.lock");
    const waiting = () => progress.update({ state: "waiting" });
    const folder = await withLock(lock, { signal, waiting }, () => new Pull(name, options, token, progress, signal).run());
    progress.update({ state: "completed" });
    return folder;
  } catch (error) {
    const problem = signal.aborted
      ? new Problem("cancelled", `The download of ${nameOf(name)} was cancelled; the next one goes on from where it was.`)
      : failureOf(error, name, token !== null);
    progress.update({ state: "failed", problem });
    throw problem;
  }
}

class Pull {
  readonly #name: HubName;
  readonly #options: HubOptions;
  readonly #token: string | null;
  readonly #progress: ProgressKeeper;
  readonly #retry: Omit<RetryOptions, "progressed">;
  readonly #folder: string;

  constructor(name: HubName, options: HubOptions, token: string | null, progress: ProgressKeeper, signal: AbortSignal) {
    this.#name = name;
    this.#options = options;
    this.#token = token;
    this.#progress = progress;
    this.#retry = { policy: options.retry ?? RETRY, signal };
    this.#folder = repoFolder(options.cacheDir, name.repo);
  }

  async run(): Promise<string> {
    this.#progress.update({ state: "resolving" });
    const repository = await retrying(async () => readRepository(this.#name, await this.#request()), this.#retry);
    this.#progress.update({ state: "downloading", commit: repository.commit });
    const files = firstFiles(repository, this.#name);
    await this.#bringAll(files, repository);
    const index = files.find(({ path }) => path === INDEX_FILE);
    if (index) {
      const shards = shardsOf(await readFile(this.#blob(index)), repository, this.#name);
      await this.#bringAll(shards, repository);
      files.push(...shards);
    }
    await remember(files.map((file) => this.#blob(file)));
    return publish(this.#folder, this.#name, repository.commit, files);
  }

  async #bringAll(files: readonly HubFile[], repository: Repository): Promise<void> {
    const waiting = files.map(({ path, size }) => ({ path, state: "waiting", doneBytes: 0, totalBytes: size }) as const);
    this.#progress.update({ files: [...this.#progress.current.files, ...waiting] });
    await this.#checkSize(files);
    for (const file of files) {
      await this.#bring(file, repository);
      // A model that cannot be served is refused before its weights come.
      if (file.path === CONFIG) checkConfig(await readFile(this.#blob(file)), this.#name);
    }
  }

  async #bring(file: HubFile, { commit }: Repository): Promise<void> {
    const subject = { ...this.#name, file: file.path };
    const report = (state: "checking" | "downloading", doneBytes: number) =>
      this.#progress.updateFile(file.path, { state, doneBytes });
    try {
      await bringBlob({
        file,
        path: this.#blob(file),
        subject,
        retry: this.#retry,
        seen: report,
        read: (offset, signal) => this.#read(file, commit, offset, signal),
      });
    } catch (error) {
      if (this.#retry.signal.aborted) throw error;
      throw failureOf(error, subject, this.#token !== null);
    }
    this.#progress.updateFile(file.path, { state: "completed", doneBytes: file.size });
  }

  /** The library's blob of a file asks for a part where it is sliced, and only when it is read. */
  async *#read(file: HubFile, commit: string, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { downloadFile } = await import("@huggingface/hub");
    const request = await this.#request(signal);
    // The library passes on an error's text; what was thrown is kept here.
    let thrown: unknown = null;
    const remembering = async (...args: Parameters<typeof fetch>) => {
      try {
        return await request.fetch(...args);
      } catch (error) {
        thrown = error;
        throw error;
      }
    };
    const path = file.path.split("/").map(encodeURIComponent).join("/");
    const url = `${request.hubUrl}/${this.#name.repo}/resolve/${commit}/${path}`;
    const downloadInfo = { url, size: file.size, etag: file.hash.hex };
    const fetch = remembering as typeof globalThis.fetch;
    const blob = await downloadFile({ repo: this.#name.repo, path: file.path, ...request, fetch, downloadInfo, xet: false });
    try {
      yield* (offset === 0 ? blob : blob?.slice(offset))?.stream() as unknown as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw thrown ?? error;
    }
  }

  async #request(signal = this.#retry.signal): Promise<HubRequest> {
    const { HUB_URL } = await import("@huggingface/hub");
    const hubUrl = this.#options.endpoint ?? HUB_URL;
    return { hubUrl, fetch: hubFetch({ endpoint: hubUrl, token: this.#token, signal }) };
  }

  /** Refuses what is too large for the limit, or for what is left of the disk. */
  async #checkSize(files: readonly HubFile[]): Promise<void> {
    const { cacheDir, maxDownloadBytes } = this.#options;
    const total = files.reduce((sum, { size }) => sum + size, 0);
    if (total > maxDownloadBytes)
      throw new Problem(
        "download_refused",
        `${nameOf(this.#name)} has ${total} bytes; MAX_DOWNLOAD_BYTES allows ${maxDownloadBytes}.`,
      );
    await mkdir(cacheDir, { recursive: true });
    const { bavail, bsize } = await statfs(cacheDir);
    let needed = 0;
    for (const file of files) {
      const path = this.#blob(file);
      const there = (await stat(path).catch(() => null)) ?? (await stat(`${path}.incomplete`).catch(() => null));
      needed += Math.max(0, file.size - (there?.size ?? 0));
    }
    if (needed > bavail * bsize)
      throw failed(this.#name, `it needs ${needed} bytes more, and ${cacheDir} has ${bavail * bsize} bytes left`);
  }

  #blob({ hash }: HubFile): string {
    return join(this.#folder, "blobs", hash.hex);
  }
}
