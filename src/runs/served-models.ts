/** The models of MODELS_DIR as the server knows them: sizes, revision, and a tokenizer. Their weights are the engine's. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { ModelSpec } from "../engine/model-spec.ts";
import { Problem } from "../problem.ts";
import type { TextTokenizer } from "../tokenizer/tokenizer.ts";
import type { TokenJson } from "./events.ts";

/** A checkpoint that passed its checks. */
export interface ServedModel
  extends Pick<
    ModelSpec,
    "family" | "revision" | "nLayers" | "dModel" | "nHeads" | "dMlp" | "vocabSize" | "tokenCount" | "contextLength"
  > {
  readonly id: string;
  readonly tokenizer: TextTokenizer;
  readonly tokenJson: TokenJson;
}

/** A model as lists show it, whether or not it can be served. */
export interface ListedModel {
  readonly id: string;
  readonly family: string | null;
  readonly sizes: Pick<ServedModel, "nLayers" | "dModel" | "nHeads" | "dMlp" | "vocabSize" | "contextLength"> | null;
  /** Known once the model has been asked for. */
  readonly revision: string | null;
  readonly problems: readonly string[];
  /** Why it could not be opened when it was last asked for; null: it could, or its files have changed since. */
  readonly failure: Problem | null;
}

export interface ModelSource {
  list(): Promise<readonly ListedModel[]>;
  /** Throws `model_not_found`, with what there is, or `model_invalid`. */
  get(id: string): Promise<ServedModel>;
}

/** Tokenizers held at once: some 50 MB each for the largest vocabularies. */
const MAX_OPEN = 8;

interface Opened {
  readonly stamp: string;
  readonly model: Promise<ServedModel>;
  revision: string | null;
}

/** The models in a folder, opened when they are first asked for and again when their files have changed. */
export function modelsIn(modelsDir: string): ModelSource {
  const opened = new Map<string, Opened>(); // the least recently used first
  const failures = new Map<string, { readonly stamp: string; readonly problem: Problem }>();
  return {
    async list() {
      const [{ listModels }, { describeCheckpoint }] = await Promise.all([
        import("../engine/checkpoint/catalogue.ts"),
        import("../engine/checkpoint/open.ts"),
      ]);
      return listModels(modelsDir).map(({ id, folder }) => {
        const { family, sizes, problems } = describeCheckpoint(folder);
        const failed = failures.get(id);
        const failure = failed?.stamp === stampOf(folder) ? failed.problem : null;
        return { id, family, sizes, problems, failure, revision: opened.get(id)?.revision ?? null };
      });
    },
    async get(asked) {
      const { findModel, listModels } = await import("../engine/checkpoint/catalogue.ts");
      const id = asked.replaceAll("/", "--"); // a hub name
      const folder = findModel(modelsDir, id);
      if (!folder)
        throw notFound(
          asked,
          listModels(modelsDir).map((model) => model.id),
        );
      const stamp = stampOf(folder);
      const known = opened.get(id);
      opened.delete(id);
      if (known?.stamp === stamp) {
        opened.set(id, known);
        return known.model;
      }
      const entry: Opened = { stamp, model: open(id, folder), revision: null };
      opened.set(id, entry);
      for (const [oldest] of opened) if (opened.size > MAX_OPEN) opened.delete(oldest);
      try {
        const model = await entry.model;
        entry.revision = model.revision;
        return model;
      } catch (error) {
        if (opened.get(id) === entry) opened.delete(id);
        if (error instanceof Problem) failures.set(id, { stamp, problem: error });
        throw error;
      }
    },
  };
}

function notFound(id: string, known: readonly string[]): Problem {
  const there = known.length === 0 ? "The models folder holds none." : `There are: ${known.slice(0, 50).join(", ")}.`;
  return new Problem("model_not_found", `There is no model ${JSON.stringify(id.slice(0, 200))}. ${there}`);
}

async function open(id: string, folder: string): Promise<ServedModel> {
  const [{ openCheckpoint }, { openTokenizer }] = await Promise.all([
    import("../engine/checkpoint/open.ts"),
    import("../tokenizer/tokenizer.ts"),
  ]);
  // First the check that lists everything that is wrong.
  const { family, revision, nLayers, dModel, nHeads, dMlp, vocabSize, tokenCount, contextLength } = openCheckpoint(folder);
  const tokenizer = await openTokenizer(folder);
  return {
    ...{ id, family, revision, nLayers, dModel, nHeads, dMlp, vocabSize, tokenCount, contextLength },
    tokenizer,
    tokenJson: tokenTexts(tokenizer),
  };
}

/** A model's tokens as JSON text, each written once. */
export function tokenTexts(tokenizer: Pick<TextTokenizer, "text">): TokenJson {
  const texts: string[] = [];
  return (id) => (texts[id] ??= `"id":${id},"text":${JSON.stringify(tokenizer.text(id))}`);
}

/** Changes when the files that are read here do. */
function stampOf(folder: string): string {
  return ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "model.safetensors.index.json"]
    .map((name) => statSync(join(folder, name), { throwIfNoEntry: false }))
    .map((stat) => (stat ? `${stat.mtimeMs}:${stat.size}:${stat.ino}` : ""))
    .join();
}
