/** Every architecture that can be served, by the `model_type` of config.json. */
import type { Architecture } from "./architecture.ts";
import { gpt2 } from "./gpt2.ts";

export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map([gpt2].map((architecture) => [architecture.modelType, architecture]));
