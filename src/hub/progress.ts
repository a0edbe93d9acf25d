/** How far a download is, as everyone who watches it sees it. */
import type { Problem } from "../problem.ts";

export type DownloadState = "resolving" | "waiting" | "downloading" | "completed" | "failed";
export type FileState = "waiting" | "checking" | "downloading" | "completed";

export interface FileProgress {
  readonly path: string;
  readonly state: FileState;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface DownloadProgress {
  readonly repo: string;
  readonly revision: string;
  /** null until the hub has said what the revision is. */
  readonly commit: string | null;
  /** `waiting`: another process downloads the same model. */
  readonly state: DownloadState;
  /** In the order of their download. Shards are known once the index has been read. */
  readonly files: readonly FileProgress[];
  readonly problem: Problem | null;
}

/** Keeps a download's progress and tells those who listen that it changed. */
export class ProgressKeeper {
  #progress: DownloadProgress;
  readonly #listeners = new Set<() => void>();

  constructor(name: { readonly repo: string; readonly revision: string }) {
    this.#progress = { repo: name.repo, revision: name.revision, commit: null, state: "resolving", files: [], problem: null };
  }

  get current(): DownloadProgress {
    return this.#progress;
  }

  update(change: Partial<DownloadProgress>): void {
    this.#progress = { ...this.#progress, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** Changes one file's progress; files are known by their path. */
  updateFile(path: string, change: Partial<FileProgress>): void {
    this.update({ files: this.#progress.files.map((file) => (file.path === path ? { ...file, ...change } : file)) });
  }

  /** Calls `listener` after every change, until the function that it returns is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Whether nothing more will change. */
export function isOver({ state }: DownloadProgress): boolean {
  return state === "completed" || state === "failed";
}

/** Bytes of all files that are known so far. */
export function totals({ files }: DownloadProgress): { readonly doneBytes: number; readonly totalBytes: number } {
  return {
    doneBytes: files.reduce((sum, file) => sum + file.doneBytes, 0),
    totalBytes: files.reduce((sum, file) => sum + file.totalBytes, 0),
  };
}
