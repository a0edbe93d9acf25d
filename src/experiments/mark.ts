/**
 * A file that is there while an embedded database has experiments that have not ended: without it, a start need not open
 * the database. It may be there for nothing, but is never missing.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseUnavailable } from "../store/database.ts";

export class Mark {
  readonly #folder: string;
  readonly #path: string;
  /** Experiments that are being started: the database does not have them yet. */
  #starting = 0;
  /** Starts so far. */
  #starts = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, "experiments.unfinished");
  }

  get isThere(): boolean {
    return existsSync(this.#path);
  }

  /** Does what starts an experiment. The mark is on the disk before. Throws `DatabaseUnavailable` where it cannot be. */
  async during<T>(start: () => Promise<T>): Promise<T> {
    this.#starting++;
    this.#starts++;
    try {
      if (!this.isThere) this.#write();
      return await start();
    } finally {
      this.#starting--;
    }
  }

  /** Removes it, unless an experiment is left that has not ended, or one was started meanwhile. */
  async remove(anyLeft: () => Promise<boolean>): Promise<void> {
    const starts = this.#starts;
    if (this.#starting > 0 || !this.isThere || (await anyLeft())) return;
    if (this.#starts === starts) rmSync(this.#path, { force: true });
  }

  #write(): void {
    try {
      mkdirSync(this.#folder, { recursive: true });
      sync(openSync(this.#path, "w"));
      sync(openSync(this.#folder, "r"));
    } catch (error) {
      throw new DatabaseUnavailable(`Nothing can be started in ${this.#folder}: ${(error as Error).message}`, { cause: error });
    }
  }
}

function sync(file: number): void {
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
