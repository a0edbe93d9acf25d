import { readdirSync } from "node:fs";
import { join } from "node:path";
import { statOf } from "./files.ts";

export interface CatalogueEntry {
  /** The folder's name. */
  readonly id: string;
  readonly folder: string;
}

/** The folders that hold a config.json, by name. Hidden ones are not models; a folder that is missing holds none. */
export function listModels(modelsDir: string): CatalogueEntry[] {
  return namesIn(modelsDir)
    .filter((id) => !id.startsWith("."))
    .sort()
    .map((id) => ({ id, folder: join(modelsDir, id) }))
    .filter(({ folder }) => statOf(join(folder, "config.json"))?.isFile());
}

/** A model's folder. Only names that the list holds are found: no path leads out of it. */
export function findModel(modelsDir: string, id: string): string | undefined {
  return listModels(modelsDir).find((model) => model.id === id)?.folder;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
