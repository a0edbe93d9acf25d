/** Experiments as the command line asks for them. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExperimentEvent } from "../schemas/experiments/events.ts";
import type { Experiment, ExperimentList, ExperimentResult } from "../schemas/experiments/experiment.ts";
import type { ExperimentFiles } from "../schemas/experiments/files.ts";
import type { Client } from "./client.ts";

const PATH = "/v1/experiments";
const JSON_HEADERS = { "content-type": "application/json" };

export interface ExperimentsClient {
  /** `key`: the same one gives the same experiment, however often it is sent. */
  start(body: object, key?: string): Promise<Experiment>;
  get(id: string): Promise<Experiment>;
  list(query: Readonly<Record<string, string>>): Promise<ExperimentList>;
  result(id: string): Promise<ExperimentResult>;
  /** The events after number `after`, 0: all. */
  events(id: string, after?: number): AsyncGenerator<ExperimentEvent, void, void>;
  resume(id: string): Promise<Experiment>;
  /** Cancels one that has not ended, or removes one that has. */
  remove(id: string): Promise<void>;
  /** Writes what is at a path under the experiment to a file. */
  save(id: string, what: string, file: string): Promise<void>;
  /** Writes all files of an experiment into a folder; gives their names. */
  saveFiles(id: string, folder: string): Promise<string[]>;
}

export function experimentsOf(client: Client): ExperimentsClient {
  const read = async <T>(path: string, init?: RequestInit) => (await (await client.send(path, init)).json()) as T;
  const save = async (path: string, file: string) => {
    const response = await client.send(path);
    await writeFile(file, new Uint8Array(await response.arrayBuffer()));
  };
  const place = (id: string) => `${PATH}/${encodeURIComponent(id)}`;
  return {
    start: (body, key) =>
      read(PATH, {
        method: "POST",
        headers: { ...JSON_HEADERS, ...(key !== undefined && { "idempotency-key": key }) },
        body: JSON.stringify(body),
      }),
    get: (id) => read(place(id)),
    list: (query) => read(`${PATH}?${new URLSearchParams(query)}`),
    result: (id) => read(`${place(id)}/result?format=json`),
    events: (id, after = 0) => client.events(`${place(id)}/events?after=${after}`),
    resume: (id) => read(`${place(id)}/resume`, { method: "POST" }),
    remove: async (id) => void (await client.send(place(id), { method: "DELETE" })),
    save: (id, what, file) => save(`${place(id)}/${what}`, file),
    saveFiles: async (id, folder) => {
      const { files } = await read<ExperimentFiles>(`${place(id)}/files`);
      await mkdir(folder, { recursive: true });
      for (const { name, url } of files) await save(url, join(folder, name));
      return files.map(({ name }) => join(folder, name));
    },
  };
}
