import type { Architecture } from "./architecture.ts";
import { gptNeox } from "./gpt-neox.ts";
import { gpt2 } from "./gpt2.ts";
import { llama } from "./llama.ts";
import { phi } from "./phi.ts";
import { qwen2 } from "./qwen2.ts";

/** Every family that is read, by its `model_type`. */
export const architectures: ReadonlyMap<string, Architecture> = new Map(
  [gpt2, gptNeox, llama, phi, qwen2].map((family) => [family.modelType, family]),
);
