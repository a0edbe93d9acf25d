/** Models and data sets, wherever the command line is called from. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/** A folder of the configuration; called from elsewhere than the project's folder, what is shipped stands in for the default. */
export function shippedFolder(name: "models" | "datasets", folder: string): string {
  return existsSync(folder) || folder !== name ? folder : join(PROJECT, name);
}
