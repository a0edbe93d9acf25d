import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");

/** Where `scripts/real-model/build.sh` puts it; SmolLM2-135M-Instruct, the numbers its 4-bit matrices stand for. */
export const REAL_MODEL = join(cache, "stratascope/models/smollm2-135m-instruct-q4");

/** It is built once for a machine, and too large for the repository. */
export const hasRealModel = existsSync(join(REAL_MODEL, "truth.safetensors"));

/** Where `scripts/real-tokenizers/build.sh` puts tokenizers. */
export const REAL_TOKENIZERS = join(cache, "stratascope/tokenizers");

/** Their folders; none where they were not fetched. */
export const realTokenizers: readonly string[] = existsSync(REAL_TOKENIZERS)
  ? readdirSync(REAL_TOKENIZERS).filter((name) => existsSync(join(REAL_TOKENIZERS, name, "golden.json")))
  : [];
