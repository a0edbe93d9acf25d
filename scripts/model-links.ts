/** One folder for models of several places: where the project ships them, MODELS_DIR, and where scripts/real-model/build.sh puts them. */
import { existsSync, mkdtempSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The folders that are looked through, in order. */
export function modelFolders(): string[] {
  const built = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "stratascope", "models");
  const shipped = fileURLToPath(new URL("../models", import.meta.url));
  return [shipped, ...(process.env.MODELS_DIR ? [resolve(process.env.MODELS_DIR)] : []), built];
}

/** A new folder, the caller's to remove, with a link to each of these models that is there; and those that are not. */
export function linkModels(models: readonly string[]): { readonly folder: string; readonly missing: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "stratascope-models-"));
  const missing = models.filter((model) => {
    const places = modelFolders().map((each) => join(each, model));
    const place = places.find((each) => existsSync(each));
    if (place !== undefined) symlinkSync(place, join(folder, model));
    return place === undefined;
  });
  return { folder, missing };
}
