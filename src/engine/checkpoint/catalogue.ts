/** The models folder: every folder in it with a config.json is a model; its name is the model's id. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

export interface ListedModel {
  readonly id: string;
  readonly folder: string;
}

/** All models, by id; none where the folder does not exist. */
export function listModels(modelsDir: string): ListedModel[] {
  let names: string[];
  try {
    names = readdirSync(modelsDir);
  } catch {
    return [];
  }
  return names.sort().flatMap((id) => {
    const folder = findModel(modelsDir, id);
    return folder ? [{ id, folder }] : [];
  });
}

/** The folder of a model, or undefined. An id is a plain name: it cannot lead out of the models folder. */
export function findModel(modelsDir: string, id: string): string | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(id)) return undefined;
  const folder = join(modelsDir, id);
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() && existsSync(join(folder, "config.json")) ? folder : undefined;
}
