/** A random checkpoint of GPT-2 small's shape, written once; initialised as GPT-2 was. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeRandomCheckpoint } from "../scripts/random-checkpoint/write.ts";
import { gpt2 } from "../src/engine/architectures/gpt2.ts";

export const SHAPE = { layers: 12, d: 768, heads: 12, vocab: 50257, context: 1024 } as const;
export const MODELS_DIR = new URL("./.cache/models", import.meta.url).pathname;
export const MODEL = "random-gpt2-small";
/** The shipped model's. */
export const TOKENIZER = new URL("../models/prose-6m", import.meta.url).pathname;

/** The folder of the checkpoint, 498 MB, float32. */
export function randomCheckpoint(): string {
  const folder = join(MODELS_DIR, MODEL);
  if (existsSync(join(folder, "config.json"))) return folder;
  const { layers: nLayers, d: dModel, heads: nHeads, vocab: vocabSize, context: contextLength } = SHAPE;
  const part = `${folder}.part`;
  rmSync(part, { recursive: true, force: true });
  writeRandomCheckpoint(part, {
    ...{ architecture: gpt2, init: "calm", tokenizer: TOKENIZER },
    ...{ nLayers, dModel, nHeads, vocabSize, contextLength },
  });
  renameSync(part, folder);
  return folder;
}
