/** All data sets: those of DATASETS_DIR, and those that were uploaded. */
import { LRUCache } from "lru-cache";
import { Problem } from "../problem.ts";
import { ContentChanged, type Dataset, readDataset } from "./dataset.ts";
import { type DatasetFacts, factsOf } from "./facts.ts";
import type { DatasetFolder } from "./folder.ts";
import { receiveUpload, type UploadBody } from "./staging.ts";
import { DATASET_NAME, type DatasetCounts, type DatasetFormat, MAX_DATASET_BYTES, type StoredDataset } from "./stored.ts";
import type { UploadChange, UploadedDatasets } from "./uploaded.ts";

export type { Dataset, DatasetRow } from "./dataset.ts";

export interface DatasetSource {
  /** Throws `invalid_request` without such a data set, with what there is, and where it cannot be read. */
  get(name: string): Promise<Dataset>;
}

/** A data set as lists show it: what is null would need it to be read. */
export interface ListedDataset extends Pick<StoredDataset, "name" | "source" | "format" | "bytes" | "sha256" | "createdAt"> {
  readonly counts: DatasetCounts | null;
}

/** A data set that was read to its end. */
export interface DescribedDataset extends ListedDataset {
  readonly sha256: string;
  readonly counts: DatasetCounts;
  readonly facts: DatasetFacts;
}

export interface DatasetsOptions {
  readonly folder: DatasetFolder;
  readonly uploaded: UploadedDatasets;
  /** Where uploads are received. */
  readonly stagingDir: string;
  readonly maxUploadBytes: number;
}

/** What was found by reading one. */
interface Known {
  readonly sha256: string;
  readonly facts: DatasetFacts;
}

/** Bytes of data sets held in memory: at least one of any size. */
const MAX_HELD_BYTES = MAX_DATASET_BYTES;
/** Data sets whose facts are remembered. */
const MAX_KNOWN = 1000;
/** Times that one is looked for which changes while it is read. */
const TRIES = 3;
/** Names that an error lists. */
const NAMED = 50;

export class Datasets implements DatasetSource {
  readonly #options: DatasetsOptions;
  readonly #held = new LRUCache<string, Dataset>({ maxSize: MAX_HELD_BYTES + 1, sizeCalculation: ({ bytes }) => bytes + 1 });
  readonly #known = new LRUCache<string, Known>({ max: MAX_KNOWN });
  readonly #reading = new Map<string, Promise<Dataset>>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: DatasetsOptions) {
    this.#options = options;
  }

  /** In the order of their names. Nothing is read for it. */
  async list(): Promise<readonly ListedDataset[]> {
    const { folder, uploaded } = this.#options;
    const [own, others] = await Promise.all([folder.list(), uploaded.list()]);
    const names = new Set(own.map(({ name }) => name));
    const all = [...own, ...others.filter(({ name }) => !names.has(name))];
    return all.sort((a, b) => (a.name < b.name ? -1 : 1)).map((stored) => listed(stored, this.#known.get(keyOf(stored))));
  }

  async get(name: string): Promise<Dataset> {
    const { dataset } = await this.#read(name, "invalid_request");
    return dataset;
  }

  /** Reads it where that has not been done. Throws `not_found` with what there is, or `invalid_request` with the line that is wrong. */
  async describe(name: string): Promise<DescribedDataset> {
    const stored = (await this.#find(name)) ?? (await this.#unknown(name, "not_found"));
    const known = this.#known.get(keyOf(stored));
    if (known) return described(stored, known);
    const read = await this.#read(name, "not_found");
    return this.#learn(read.stored, read.dataset.sha256, await factsOf(read.dataset));
  }

  /**
   * Receives a data set, checks every row, and keeps it under its name, whole or not at all. Throws `invalid_request`,
   * `conflict` where DATASETS_DIR has that name, `body_too_large`, or `cancelled` when the client breaks off.
   */
  async put(name: string, format: DatasetFormat, body: UploadBody): Promise<{ change: UploadChange; dataset: DescribedDataset }> {
    const { uploaded, stagingDir, maxUploadBytes } = this.#options;
    if (!DATASET_NAME.test(name)) throw badName(name);
    await this.#refuseOwn(name, "an uploaded data set cannot take its place; upload it under another name");
    const staged = await receiveUpload(stagingDir, body, maxUploadBytes);
    try {
      return await this.#oneAtATime(async () => {
        const { bytes, sha256, content, moveTo } = staged;
        const dataset = await readDataset({ name, format, bytes, sha256, content });
        const facts = await factsOf(dataset);
        if (facts.rows === 0) throw refused(`the data set ${name} is empty; at least 1 row is needed`);
        const counts = { rows: facts.rows, texts: facts.texts };
        const change = await uploaded.put(name, { format, bytes, sha256, counts, content, moveTo });
        const stored = (await uploaded.find(name)) ?? (await this.#unknown(name, "not_found"));
        if (stored.sha256 !== sha256) return { change, dataset: await this.describe(name) }; // another replica was faster
        return { change, dataset: this.#learn(stored, sha256, facts) };
      });
    } finally {
      await staged.discard();
    }
  }

  /** Removes an uploaded data set. Throws `not_found`, or `conflict` for one of DATASETS_DIR. */
  async remove(name: string): Promise<void> {
    await this.#refuseOwn(name, "it cannot be removed through the API, which never changes that folder");
    if (!(await this.#oneAtATime(() => this.#options.uploaded.remove(name)))) await this.#unknown(name, "not_found");
  }

  async #find(name: string): Promise<StoredDataset | null> {
    const { folder, uploaded } = this.#options;
    if (!DATASET_NAME.test(name)) return null;
    return (await folder.find(name)) ?? (await uploaded.find(name));
  }

  async #read(name: string, missing: "not_found" | "invalid_request"): Promise<{ stored: StoredDataset; dataset: Dataset }> {
    for (let tried = 1; ; tried++) {
      const stored = (await this.#find(name)) ?? (await this.#unknown(name, missing));
      if (stored.bytes > MAX_DATASET_BYTES)
        throw refused(`the data set ${name} has ${stored.bytes} bytes, more than can be read, ${MAX_DATASET_BYTES}`);
      try {
        return { stored, dataset: await this.#hold(stored) };
      } catch (error) {
        const changed = error instanceof ContentChanged || (error as NodeJS.ErrnoException).code === "ENOENT";
        if (!changed) throw error;
        if (tried === TRIES) throw refused(`the data set ${name} is not what was stored, or changes all the time: ${error}`);
      }
    }
  }

  /** Reads it once, however many ask at the same time. */
  async #hold(stored: StoredDataset): Promise<Dataset> {
    const key = keyOf(stored);
    const there = this.#held.get(key) ?? this.#reading.get(key);
    if (there) return there;
    const reading = readDataset(stored);
    this.#reading.set(key, reading);
    try {
      const dataset = await reading;
      this.#held.set(key, dataset);
      return dataset;
    } finally {
      this.#reading.delete(key);
    }
  }

  #learn(stored: StoredDataset, sha256: string, facts: DatasetFacts): DescribedDataset {
    const known = { sha256, facts };
    this.#known.set(keyOf(stored), known);
    return described(stored, known);
  }

  /** Uploads are held in memory while they are checked, and files have no transactions. */
  #oneAtATime<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #refuseOwn(name: string, reason: string): Promise<void> {
    const own = await this.#options.folder.find(name);
    if (!own) return;
    const which = own.source === "shipped" ? "is shipped with the service" : "lies in DATASETS_DIR";
    throw new Problem("conflict", `The data set ${name} ${which}: ${reason}.`);
  }

  async #unknown(name: string, code: "not_found" | "invalid_request"): Promise<never> {
    const names = (await this.list()).map((dataset) => dataset.name);
    const there = names.length === 0 ? "there are none" : `there are ${names.slice(0, NAMED).join(", ")}`;
    const detail = `there is no data set ${JSON.stringify(name.slice(0, 100))}; ${there}`;
    throw new Problem(code, code === "not_found" ? `T${detail.slice(1)}.` : detail);
  }
}

function keyOf({ source, name, stamp }: StoredDataset): string {
  return `${source} ${name} ${stamp}`;
}

function listed(stored: StoredDataset, known: Known | undefined): ListedDataset {
  const { name, source, format, bytes, createdAt } = stored;
  const counts = stored.counts ?? (known ? { rows: known.facts.rows, texts: known.facts.texts } : null);
  return { name, source, format, bytes, createdAt, counts, sha256: stored.sha256 ?? known?.sha256 ?? null };
}

function described(stored: StoredDataset, known: Known): DescribedDataset {
  return { ...listed(stored, known), ...known, counts: { rows: known.facts.rows, texts: known.facts.texts } };
}

function badName(name: string): Problem {
  return refused(
    `${JSON.stringify(name.slice(0, 200))} cannot be a data set's name: 1 to 100 letters, digits, dots, underscores and hyphens, the first a letter or a digit`,
  );
}

function refused(detail: string): Problem {
  return new Problem("invalid_request", detail);
}
