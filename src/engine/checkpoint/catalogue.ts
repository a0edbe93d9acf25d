import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { statOf } from "./files.ts";
import { findSnapshot, hubId, listSnapshots, parseHubName, snapshotName } from "./hub-cache.ts";

export interface CatalogueEntry {
  /** The folder's name; of a model in the hub's cache `org--name`, with `@revision` where it is not the usual one. */
  readonly id: string;
  readonly folder: string;
}

/**
 * The folders that hold a config.json, by name, then the models of the hub's cache. Hidden folders are not models; a
 * folder that is missing holds none. Of two models with one name the first is meant.
 */
export function listModels(modelsDir: string, hubCache: string | null = null): CatalogueEntry[] {
  const own = namesIn(modelsDir)
    .filter((id) => !id.startsWith("."))
    .sort()
    .map((id) => ({ id, folder: join(modelsDir, id) }))
    .filter(({ folder }) => statOf(join(folder, "config.json"))?.isFile());
  if (hubCache === null) return own;
  const names = new Set(own.map(({ id }) => id));
  return [...own, ...listSnapshots(hubCache).filter(({ id }) => !names.has(id))];
}

/** A model's folder. Only names that the list holds are found: no path leads out of it. */
export function findModel(modelsDir: string, id: string, hubCache: string | null = null): string | undefined {
  const own = listModels(modelsDir).find((model) => model.id === id)?.folder;
  if (own !== undefined || hubCache === null) return own;
  const name = parseHubName(id);
  return name ? findSnapshot(hubCache, name) : undefined;
}

/** The one spelling of a model's name: `org/name@main` is `org--name`. What cannot be a name stays as it is. */
export function modelId(name: string): string {
  const hub = name.includes("/") || name.includes("@") ? parseHubName(name) : null;
  return hub ? hubId(hub) : name;
}

/** What a model's folder is called in messages. */
export function folderName(folder: string): string {
  return snapshotName(folder) ?? basename(folder);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
