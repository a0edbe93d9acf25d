import type { Architecture } from "./architecture.ts";
import { gpt2 } from "./gpt2.ts";

/** Every family that is read, by its `model_type`. */
export const architectures: ReadonlyMap<string, Architecture> = new Map([gpt2].map((family) => [family.modelType, family]));
